import { defineConfig } from 'prisma/config';

// Read by `prisma generate`, `validate` and an author's `migrate diff` only; a node applies migrations itself at start.
const url = process.env['DATABASE_URL'];

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  ...(url ? { datasource: { url } } : {}),
});
