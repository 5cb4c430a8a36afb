import path from 'node:path';
import { readConfig } from '../config.ts';
import { connectDatabase, type Database } from '../services/database/connect.ts';
import { startEmbeddedPostgres } from '../services/database/embedded-postgres.ts';

/** The database of this installation by its settings, for one verb. */
export async function withDatabase<T>(task: (database: Database) => Promise<T>): Promise<T> {
  const config = readConfig(process.env);
  const connectionString =
    config.databaseUrl ?? (await startEmbeddedPostgres(path.join(config.dataFolder, 'postgres'))).connectionString;
  const database = connectDatabase(connectionString);
  try {
    return await task(database);
  } finally {
    await database.close();
  }
}
