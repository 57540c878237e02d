/** The results as tables for people. */

/** @typedef {import('./bench.js').Result} Result */
/** @typedef {{ name: string, atOnce: number, cpu: number, peak: number }} Scaling */
/** @typedef {{ name: string, logins: number, heap: number, connections: number }} Endurance */
/** @typedef {import('./tracing.js').Tracing} Tracing */

/** @param {number} value */
const short = (value) => value.toFixed(value < 1 ? 2 : value < 10 ? 1 : 0);

/** @param {string[]} head @param {string[][]} rows */
function markdown(head, rows) {
  const lines = [head, head.map((_, n) => (n === 0 ? '---' : '---:')), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** @param {{ machine: Record<string, unknown>, results: Result[], scaling: Scaling[], endurance: Endurance[], tracing: Tracing }} measured */
export function table({ machine, results, scaling, endurance, tracing }) {
  const { node, cpu, cores, platform } = machine;
  const head = ['', 'CPU of a login, ms', 'against the floor', 'logins/s, 1 at once', '16', '64', '512'];
  const main = markdown(
    [...head, 'p50, ms', 'p99, ms', 'handshakes', 'peak memory, MB', 'import, ms', 'p50 at 50 ms, ms'],
    results.map((result) => [
      `${result.name} ${result.version}`,
      `${result.cpu.middle.toFixed(2)} (${result.cpu.least.toFixed(2)}–${result.cpu.most.toFixed(2)})`,
      `${result.timesFloor.middle.toFixed(2)}x (${result.timesFloor.least.toFixed(2)}–${result.timesFloor.most.toFixed(2)})`,
      ...['1', '16', '64', '512'].map((atOnce) => (result.perSecond[atOnce]?.middle ?? NaN).toFixed(0)),
      short(result.p50.middle),
      short(result.p99.middle),
      result.handshakes.toFixed(2),
      result.peak.toFixed(0),
      result.importTime.middle.toFixed(0),
      result.slowNetwork.toFixed(1),
    ]),
  );
  const scale = markdown(
    ['logins at once', 'CPU of a login, ms', 'peak memory, MB'],
    scaling.map(({ name, atOnce, cpu, peak }) => [`${name}: ${atOnce}`, cpu.toFixed(2), peak.toFixed(0)]),
  );
  const endure = markdown(
    ['after so many more logins', 'heap in use, MB', 'connections'],
    endurance.map(({ name, logins, heap, connections }) => [
      `${name}: ${logins}`,
      heap.toFixed(1),
      String(connections),
    ]),
  );
  const traced = markdown(
    ['CPU of a call without a network, µs', ''],
    [
      ['nobody traces it', tracing.untraced.toFixed(2)],
      ['of which the question whether anybody does', tracing.question.toFixed(4)],
      ['one listener for its end', tracing.traced.toFixed(2)],
    ],
  );
  return `Node.js ${String(node)}, ${String(cpu)}, ${String(cores)} cores, ${String(platform)}. The middle of the rounds, with the least and the most.\nCPU, latency and handshakes: 16 logins at once, warm.\n\n${main}\n\n${scale}\n\n${endure}\n\n${traced}\n`;
}
