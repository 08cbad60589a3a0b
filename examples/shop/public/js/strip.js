import { onAnswer } from './api.js';
import { byId, element } from './dom.js';
import { milliseconds } from './words.js';

const [COLUMN, BAR, HEIGHT, FOOT] = [34, 18, 40, 26];
const KEPT = 60;

/** Every request of this page: what it was, what it got, what it cost. The newest is at the right. */
export function showStrip() {
  const chart = byId('strip-chart');
  const requests = [];
  let total = 0;
  let commands = 0;

  const draw = () => {
    const fitting = Math.max(1, Math.floor(chart.clientWidth / COLUMN));
    chart.replaceChildren(chartOf(requests.slice(-fitting), chart.clientWidth, newest));
  };
  function newest(request) {
    byId('strip-newest').replaceChildren(
      element('b', {}, `${request.method} ${request.path}`),
      ` ${request.status || 'no answer'}, ${redisWords(request)}, ${milliseconds(request.tookMs)}`,
    );
  }

  onAnswer((request) => {
    requests.push(request);
    if (requests.length > KEPT) requests.shift();
    total += 1;
    commands += request.redisCommands ?? 0;
    byId('strip-totals').textContent = `${total} ${total === 1 ? 'request' : 'requests'}, ${commands} Redis commands`;
    newest(request);
    byId('strip-rows').replaceChildren(...requests.toReversed().map(rowOf));
    draw();
  });
  new ResizeObserver(draw).observe(chart);
}

const redisWords = ({ redisCommands }) =>
  redisCommands === undefined
    ? 'Redis not counted'
    : `${redisCommands} Redis ${redisCommands === 1 ? 'command' : 'commands'}`;

function rowOf({ method, path, status, redisCommands, tookMs, serverMs }) {
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, `${method} ${path}`),
    element('td', { 'data-class': classOf(status) }, String(status || 'none')),
    element('td', {}, String(redisCommands ?? '–')),
    element('td', {}, milliseconds(tookMs)),
    element('td', {}, serverMs === undefined ? '–' : milliseconds(serverMs)),
  );
}

const classOf = (status) => String(status)[0];

function svg(tag, attributes, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A bar for each, as high as it took long; under it its status and how many commands Redis got. */
function chartOf(requests, width, onPoint) {
  const slowest = Math.max(10, ...requests.map(({ tookMs }) => tookMs));
  const columns = requests.map((request, n) => {
    const x = width - (requests.length - n) * COLUMN;
    const height = Math.max(2, (request.tookMs / slowest) * HEIGHT);
    const middle = x + COLUMN / 2;
    const column = svg(
      'g',
      { 'data-class': classOf(request.status), ...(n === requests.length - 1 && { class: 'is-newest' }) },
      svg(
        'title',
        {},
        `${request.method} ${request.path}: ${request.status}, ${redisWords(request)}, ${milliseconds(request.tookMs)}`,
      ),
      svg('rect', { class: 'reach', x, y: 0, width: COLUMN, height: HEIGHT + FOOT }),
      svg('rect', { class: 'bar', x: middle - BAR / 2, y: HEIGHT - height, width: BAR, height, rx: 2 }),
      svg('text', { class: 'code', x: middle, y: HEIGHT + 11 }, String(request.status || '–')),
      svg('text', { class: 'redis', x: middle, y: HEIGHT + 23 }, `${request.redisCommands ?? '–'} R`),
    );
    column.addEventListener('pointerenter', () => onPoint(request));
    return column;
  });
  return svg(
    'svg',
    {
      width,
      height: HEIGHT + FOOT,
      role: 'img',
      'aria-label': `Response times of the last ${requests.length} requests, up to ${milliseconds(slowest)}. All of it is in the table.`,
    },
    svg('line', { x1: 0, x2: width, y1: HEIGHT + 0.5, y2: HEIGHT + 0.5 }),
    ...columns,
  );
}
