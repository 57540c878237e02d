/** The results as a picture: the CPU time of a login, one bar for each. */

const width = 820;
const left = 330;
const row = 30;
const top = 56;

/** @param {string} text */
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** @param {import('./bench.js').Result[]} results @returns {string} an SVG */
export function plot(results) {
  const sorted = results.toSorted((a, b) => a.cpu.middle - b.cpu.middle);
  const scale = (width - left - 110) / Math.max(...sorted.map(({ cpu }) => cpu.most));
  const height = top + sorted.length * row + 16;
  const bars = sorted.map(({ name, cpu, timesFloor }, n) => {
    const y = top + n * row;
    const middle = y + row / 2;
    const end = left + cpu.middle * scale;
    const colour = name.startsWith('passport-wechat-code') ? '#07c160' : name.endsWith('bare') ? '#b8bec6' : '#5b7fa6';
    return [
      `<text x="${left - 10}" y="${middle + 4}" text-anchor="end">${escape(name)}</text>`,
      `<rect x="${left}" y="${y + 5}" width="${(cpu.middle * scale).toFixed(1)}" height="${row - 10}" rx="2" fill="${colour}"/>`,
      `<path d="M${(left + cpu.least * scale).toFixed(1)} ${middle}H${(left + cpu.most * scale).toFixed(1)}" stroke="#1f2328"/>`,
      `<text x="${(Math.max(end, left + cpu.most * scale) + 8).toFixed(1)}" y="${middle + 4}">${cpu.middle.toFixed(2)} ms, ${timesFloor.middle.toFixed(1)}x</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="CPU time of a login" font-family="system-ui, sans-serif" font-size="13" fill="#1f2328">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="16" y="26" font-size="16" font-weight="600">CPU time of a login (two HTTPS requests), 16 at once</text>
<text x="16" y="45" fill="#656d76">Middle of the rounds, with the least and the most; and as a multiple of bare node:https.</text>
${bars.join('\n')}
</svg>
`;
}
