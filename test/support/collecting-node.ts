/** A node that only collects, in a process of its own, so that it can be killed at any moment. Short lease and pauses; else as it is. */
import { makeSpoolFolder } from '../../src/bytes/spool.ts';
import { readConfig } from '../../src/config.ts';
import { openAuditTrail } from '../../src/services/audit.ts';
import { startCollecting } from '../../src/services/collection/collecting.ts';
import { connectDatabase } from '../../src/services/database/connect.ts';

const config = readConfig(process.env);
const database = connectDatabase(config.databaseUrl ?? '');
makeSpoolFolder(config.spoolFolder);
const now = () => new Date();
const audit = openAuditTrail(database, config.nodeName, now);
startCollecting({
  ...{ config, database, audit, now },
  ...{ everyMs: 50, leaseMs: 2_000, betweenMs: 200 },
  times: { connectMs: 3_000, silenceMs: 3_000 },
});
// Timers of the job do not keep a process alive.
setInterval(() => {}, 60_000);
console.log('collecting');
