/** Headers that programs read in different ways: each would show another message. */
import type { HeaderField, ParameterisedValue } from './entity.ts';

/** Fields that say what a part is. At most one of each is allowed (RFC 2045 section 3), and programs take the first or the last. */
const DEFINING = ['mime-version', 'content-type', 'content-transfer-encoding', 'content-disposition'];

export function isContradictory(
  headers: readonly HeaderField[],
  read: readonly (ParameterisedValue | null)[],
): boolean {
  return (
    DEFINING.some((name) => saysTwoThings(headers, name)) ||
    read.some((value) => value?.contradictory || endsInSpace(value?.parameters.get('boundary')))
  );
}

// Forbidden (RFC 2046 section 5.1.1), because white space behind a delimiter is padding: some programs cut it off, some do not.
function endsInSpace(boundary: string | undefined): boolean {
  return boundary !== undefined && boundary !== boundary.trimEnd();
}

function saysTwoThings(headers: readonly HeaderField[], name: string): boolean {
  const fields = headers.filter((field) => field.name === name);
  return fields.length > 1 && new Set(fields.map((field) => comparable(field.value))).size > 1;
}

// A gateway that adds a field which is there already writes it with other spaces or comments.
function comparable(value: string): string {
  return value.replace(/\([^()]*\)/g, '').replace(/\s+/g, '');
}
