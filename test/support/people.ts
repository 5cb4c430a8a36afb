/** Named people instead of user1 and user2. */
export const PASSPHRASES = {
  alain: 'quatre vaches au bord du canal',
  marta: 'drei Birnen auf dem Dach',
  otto: 'kein Fenster ohne Vorhang',
} as const;
