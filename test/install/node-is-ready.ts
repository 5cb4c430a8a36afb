// In the fresh installation of `try-install.sh`: the node that runs as a service says that it is ready, and tells figures to who has the token.
import { readFileSync } from 'node:fs';
import { eventually } from '../mail/testbed-support.ts';

const [url = '', settingsFile = ''] = process.argv.slice(2);
const { METRICS_TOKEN } = JSON.parse(readFileSync(settingsFile, 'utf8')) as Record<string, string>;
const ready = async () => (await fetch(`${url}/health/ready`).catch(() => null))?.status === 200;
await eventually('a node that is ready', ready, 60_000);
const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } });
if (metrics.status !== 200) throw new Error(`/metrics: ${metrics.status}`);
console.log('The node runs as its user, with the environment of its unit, and is ready.');
