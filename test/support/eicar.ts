/** The EICAR test file, put together here so that no file of this repository is one. */
export const EICAR = [
  'X5O!P%@AP[4',
  String.raw`\PZX54(P^)7CC)7}`,
  '$EICAR-STANDARD-',
  'ANTIVIRUS-TEST',
  '-FILE!$H+H*',
].join('');

/** Its name among the signatures of deploy/clamav, as clamd says it. */
export const EICAR_FINDING = 'Sealpost.Test.EICAR.UNOFFICIAL';
