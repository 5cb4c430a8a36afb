import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { accountRoutes } from './accounts/routes.ts';
import { auditRoutes } from './audit/routes.ts';
import { authorityRoutes } from './authorities/routes.ts';
import { clientCertificateRoutes } from './client-certificates/routes.ts';
import { collectionRoutes } from './collection/routes.ts';
import { countryRoutes } from './countries/routes.ts';
import { issuedRoutes } from './digital-ids/routes.ts';
import { enterAdministration, enterWithPasskey, leaveAdministration, showEntry } from './enter.ts';
import { evidenceKeyRoutes } from './evidence/routes.ts';
import { factorRoutes } from './factors/routes.ts';
import { issuingRoutes } from './issuing/routes.ts';
import { listRoutes } from './lists/routes.ts';
import { mailServerRoutes } from './mail-servers/routes.ts';
import { messageTraceRoutes } from './message-trace/routes.ts';
import { monitorRoutes } from './monitor/routes.ts';
import { showOverview } from './overview.ts';
import { saveRules, showRules } from './programme-rules.ts';
import {
  confirmRoot,
  declineRequest,
  dismissRoot,
  importProgrammeRoots,
  showConfirmRoot,
  showProgrammeTrust,
  showWithdrawRoot,
  takeUpRequest,
  withdrawRoot,
} from './programme-trust.ts';
import { programmeRoutes } from './programmes/routes.ts';
import { registrationAdministrationRoutes } from './registrations/routes.ts';
import { releaseRoutes } from './releases/routes.ts';
import { requestStandingRoutes } from './requests/routes.ts';
import { addPlace, fetchLists, removePlace, showPlaces } from './revocation-places.ts';
import { setUpSecondFactor, showSecondFactorPage } from './second-factor.ts';
import { setupCheckRoutes } from './setup-check/routes.ts';

/** Who may ask for each page stands beside it; `test/app/administration.test.ts` asks for all of them as everybody. */
export function administrationRoutes(app: FastifyInstance, context: Context): void {
  const entry = { config: { administration: 'entry' } } as const;
  const country = { config: { administration: 'country' } } as const;
  const central = { config: { administration: 'central' } } as const;

  app.get('/administration/second-factor', entry, showSecondFactorPage(context));
  app.post('/administration/second-factor', entry, setUpSecondFactor(context));
  app.get('/administration/enter', entry, showEntry(context));
  app.post('/administration/enter', entry, enterAdministration(context));
  app.post('/administration/enter/passkey', entry, enterWithPasskey(context));
  app.post('/administration/leave', country, leaveAdministration(context));

  app.get('/administration', country, showOverview(context));
  requestStandingRoutes(app, context);

  accountRoutes(app, context);

  app.get('/administration/programme', central, showRules(context));
  app.post('/administration/programme', central, saveRules(context));

  programmeRoutes(app, context);
  countryRoutes(app, context);
  mailServerRoutes(app, context);
  collectionRoutes(app, context);
  registrationAdministrationRoutes(app, context);

  app.get('/administration/trust', central, showProgrammeTrust(context));
  app.post(
    '/administration/trust/roots',
    { config: { administration: 'central', multipart: true } },
    importProgrammeRoots(context),
  );
  app.get('/administration/trust/roots/:root/confirm', central, showConfirmRoot(context));
  app.post('/administration/trust/roots/:root/confirm', central, confirmRoot(context));
  app.post('/administration/trust/roots/:root/dismiss', central, dismissRoot(context));
  app.get('/administration/trust/roots/:root/withdraw', central, showWithdrawRoot(context));
  app.post('/administration/trust/roots/:root/withdraw', central, withdrawRoot(context));
  app.post('/administration/trust/requests/:request/take-up', central, takeUpRequest(context));
  app.post('/administration/trust/requests/:request/decline', central, declineRequest(context));

  app.get('/administration/revocation', central, showPlaces(context));
  app.post('/administration/revocation', central, addPlace(context));
  app.post('/administration/revocation/fetch', central, fetchLists(context));
  app.post('/administration/revocation/:place/remove', central, removePlace(context));

  evidenceKeyRoutes(app, context);
  monitorRoutes(app, context);
  messageTraceRoutes(app, context);
  releaseRoutes(app, context);
  auditRoutes(app, context);
  authorityRoutes(app, context);
  issuingRoutes(app, context);
  clientCertificateRoutes(app, context);
  issuedRoutes(app, context);
  listRoutes(app, context);
  setupCheckRoutes(app, context);
  factorRoutes(app, context);
}
