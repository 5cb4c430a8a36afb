const DAY_MS = 86_400_000;

/**
 * When a day begins in a time zone: `2026-11-24` in Europe/Brussels is 23:00 UTC of the day before. Null for what is no day.
 * @param later so many days after it
 */
export function startOfDay(day: string, timeZone: string, later = 0): Date | null {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day) ?? [];
  const written = Date.UTC(Number(year), Number(month) - 1, Number(date));
  if (Number.isNaN(written) || new Date(written).toISOString().slice(0, 10) !== day) return null;
  const wall = written + later * DAY_MS;
  // Twice: the offset at the first guess may be that of the other side of a change of clocks.
  const guess = wall - offsetMs(wall, timeZone);
  return new Date(wall - offsetMs(guess, timeZone));
}

function offsetMs(at: number, timeZone: string): number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  const name = format.formatToParts(new Date(at)).find((part) => part.type === 'timeZoneName')?.value ?? '';
  const [, sign, hours = '0', minutes = '0'] = /GMT([+-])(\d{2}):(\d{2})/.exec(name) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
