import { chmod, mkdir, rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';

export interface DatabaseBridge {
  folder: string;
  port: number;
  close(): Promise<void>;
}

/**
 * A socket to Postgres that Dovecot's and Postfix's users can reach: the product keeps its own in a private folder. Who
 * connects still needs the role's password.
 */
export async function openDatabaseBridge(folder: string, socketFolder: string, port: number): Promise<DatabaseBridge> {
  // the port that Postfix assumes for every socket
  const name = '.s.PGSQL.5432';
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o711);
  const file = path.join(folder, name);
  await rm(file, { force: true });
  const open = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    const far = net.connect({ path: path.join(socketFolder, `.s.PGSQL.${port}`), allowHalfOpen: true });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => {
        near.destroy();
        far.destroy();
      });
      socket.on('close', () => open.delete(socket));
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(file, resolve);
  });
  await chmod(file, 0o666);
  server.unref();
  return {
    folder,
    port: 5432,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
