import { defineConfig } from 'prisma/config';

// Only `prisma generate` and `prisma validate` read this file; migrations are applied by the node itself at start.
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
});
