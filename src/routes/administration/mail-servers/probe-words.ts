import type { Formats } from '../../../i18n/formats.ts';
import type { MailServerProbe, Probe } from '../../../mail/probe-server.ts';
import type { TestedServer } from '../../../services/administration/mail-servers.ts';

/** What was tried with one server, what came back, and what to do about it. */
export type ProbeWords = {
  which: keyof MailServerProbe;
  title: string;
  ok: boolean;
  tried: string;
  result: string;
  /** Details of TLS and of the certificate; empty where there is none */
  tls: string;
  /** What the server said, as it said it */
  said: string;
  /** What the network or the TLS library called it */
  detail: string;
  advice: string;
};

type Place = { which: keyof MailServerProbe; host: string; port: number; tls: string };

export function probeWords(formats: Formats, server: TestedServer, probe: MailServerProbe): ProbeWords[] {
  const places: Place[] = [
    { which: 'imap', host: server.imapHost, port: server.imapPort, tls: server.imapTls },
    { which: 'submission', host: server.submissionHost, port: server.submissionPort, tls: server.submissionTls },
    { which: 'incoming', host: server.incomingIp ?? server.incomingHost ?? '', port: 25, tls: 'none' },
  ];
  return places.flatMap((place) => {
    const found = probe[place.which];
    if (found === null) return [];
    const title = formats.t(`mailServers.probe.${place.which}`);
    return [{ which: place.which, ...wordsOfProbe(formats, { ...place, title }, found) }];
  });
}

/** Of one server, whatever it speaks. @param place `tls`: how, or `none` */
export function wordsOfProbe(
  { t, date, plainName }: Formats,
  { title, host, port, tls }: { title: string; host: string; port: number; tls: string },
  found: Probe,
): Omit<ProbeWords, 'which'> {
  const { address } = found;
  const where = { host, port: String(port), mode: t(`mailServers.probe.mode.${tls}`) };
  const asked = {
    title,
    tried:
      address === '' || address === host
        ? t('mailServers.probe.tried', where)
        : t('mailServers.probe.tried.address', { ...where, address }),
  };
  if (!found.ok) {
    const { reason, said, detail } = found;
    const words = { result: t(`mailServers.probe.result.${reason}`), advice: t(`mailServers.probe.advice.${reason}`) };
    return { ...asked, ...words, ok: false, tls: '', said, detail };
  }
  const { secured, greeting } = found;
  const facts = secured && {
    protocol: secured.protocol,
    cipher: secured.cipher,
    subject: plainName(secured.subject),
    issuer: plainName(secured.issuer),
    date: date(secured.notAfter),
  };
  return {
    ...asked,
    ok: true,
    result: t(secured ? 'mailServers.probe.ok' : 'mailServers.probe.ok.plain'),
    tls: facts ? t('mailServers.probe.tls', facts) : '',
    said: greeting,
    detail: '',
    advice: '',
  };
}
