import path from 'node:path';
import { readConfig } from '../config.ts';
import { verifyAuditTrail } from '../services/audit/verify-trail.ts';
import { connectDatabase } from '../services/database/connect.ts';
import { startEmbeddedPostgres } from '../services/database/embedded-postgres.ts';

/** `sealpost audit verify`: one JSON object; exit status 1 when an entry is missing or was changed. */
export async function audit(args: string[]): Promise<number> {
  if (args[0] !== 'verify' || args.length > 1) {
    console.error('usage: sealpost audit verify');
    return 2;
  }
  const config = readConfig(process.env);
  const connectionString =
    config.databaseUrl ?? (await startEmbeddedPostgres(path.join(config.dataFolder, 'postgres'))).connectionString;
  const database = connectDatabase(connectionString);
  const { whole, entries, problems } = await verifyAuditTrail(database);
  await database.close();
  console.log(JSON.stringify({ whole, entries, problems }));
  return whole ? 0 : 1;
}
