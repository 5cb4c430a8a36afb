import { createHash } from 'node:crypto';
import { type Config, keyOf } from '../../config.ts';
import type { Pop3Server as Pop3ServerRow } from '../../generated/prisma/client.ts';
import type { Pop3Server } from '../../mail/pop3-connection.ts';
import { openSealed, sealUnder } from '../../vault/seal.ts';

type Keys = Pick<Config, 'serverKeys'>;
export type Pop3Place = Pick<Pop3ServerRow, 'host' | 'port' | 'tls' | 'serverName' | 'caPem'>;

/** Whose password, and for which server: sealed for one, it opens for no other, nor after somebody changed where that is. */
type Purpose = { accountId: string; login: string; server: Pop3Place };

export function pop3ServerOf({ host, port, tls, serverName, caPem }: Pop3Place): Pop3Server {
  return { host, port, tls: tls === 'starttls' ? 'starttls' : 'implicit', serverName, caPem };
}

export function sealPassword({ serverKeys }: Keys, password: string, purpose: Purpose) {
  const serverKeyVersion = serverKeys.current;
  const plain = Buffer.from(password, 'utf8');
  const sealed = sealUnder(keyOf(serverKeys, serverKeyVersion), plain, contextOf(purpose));
  plain.fill(0);
  return { sealedPassword: new Uint8Array(sealed), serverKeyVersion };
}

/** @throws SealBrokenError where it was sealed for something else */
export function openPassword({ serverKeys }: Keys, sealed: Uint8Array, version: string, purpose: Purpose): string {
  const plain = openSealed(keyOf(serverKeys, version), sealed, contextOf(purpose));
  const password = plain.toString('utf8');
  plain.fill(0);
  return password;
}

function contextOf({ accountId, login, server }: Purpose): string {
  const place = JSON.stringify([server.host, server.port, server.tls, server.serverName, server.caPem, login]);
  return `pop3 password ${accountId} ${createHash('sha256').update(place).digest('hex')}`;
}
