/**
 * Milliseconds of processor time that this process spends from now on, all its threads together: what something costs,
 * whatever else the machine is doing. Tests bound what hostile input may cost by it, never by the clock on the wall.
 */
export function startCpuClock(): () => number {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
}
