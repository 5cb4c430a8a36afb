import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { acceptProgrammeRoot, showProgrammeRoot } from './accept-programme-root.ts';
import { askForAnchor } from './ask-for-anchor.ts';
import { confirmAnchorAction, showConfirmAnchor } from './confirm-anchor.ts';
import { confirmCertificate, showConfirmCertificate } from './confirm-certificate.ts';
import { importRoots } from './import-roots.ts';
import { importRevocationLists, removeRevocationList } from './revocation-lists.ts';
import { settleIssuer } from './settle-issuer.ts';
import { showTrust } from './show-trust.ts';
import {
  dismissAnchorAction,
  showWithdrawAnchor,
  showWithdrawCertificate,
  withdrawAnchorAction,
  withdrawCertificateAction,
} from './withdraw.ts';

export function trustRoutes(app: FastifyInstance, context: Context): void {
  app.get('/trust', showTrust(context));
  app.get('/trust/confirm', settleIssuer(context));
  app.post('/trust/import', { config: { multipart: true } }, importRoots(context));
  app.post('/trust/revocation-lists', { config: { multipart: true } }, importRevocationLists(context));
  app.post('/trust/revocation-lists/:list/remove', removeRevocationList(context));
  app.get('/trust/programme/:anchor/accept', showProgrammeRoot(context));
  app.post('/trust/programme/:anchor/accept', acceptProgrammeRoot(context));
  app.get('/trust/anchors/:anchor/confirm', showConfirmAnchor(context));
  app.post('/trust/anchors/:anchor/confirm', confirmAnchorAction(context));
  app.post('/trust/anchors/:anchor/dismiss', dismissAnchorAction(context));
  app.post('/trust/anchors/:anchor/ask', askForAnchor(context));
  app.get('/trust/anchors/:anchor/withdraw', showWithdrawAnchor(context));
  app.post('/trust/anchors/:anchor/withdraw', withdrawAnchorAction(context));
  app.get('/trust/certificates/confirm', showConfirmCertificate(context));
  app.post('/trust/certificates/confirm', confirmCertificate(context));
  app.get('/trust/certificates/:trust/withdraw', showWithdrawCertificate(context));
  app.post('/trust/certificates/:trust/withdraw', withdrawCertificateAction(context));
}
