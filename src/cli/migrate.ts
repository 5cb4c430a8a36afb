import path from 'node:path';
import { readConfig } from '../config.ts';
import { startEmbeddedPostgres } from '../services/database/embedded-postgres.ts';
import { migrate } from '../services/database/migrate.ts';

/** `sealpost migrate`: applies what is missing and says what it was. */
export async function migrateCommand(): Promise<number> {
  const config = readConfig(process.env);
  const connectionString =
    config.databaseUrl ?? (await startEmbeddedPostgres(path.join(config.dataFolder, 'postgres'))).connectionString;
  const applied = await migrate(connectionString);
  console.log(JSON.stringify({ applied }));
  return 0;
}
