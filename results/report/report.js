// Charts that answer to the pointer, tables that sort and filter. The page says all the same without scripts.
'use strict';
const configurations = [...document.querySelectorAll('#configurations li')].map(item => item.textContent);

/// Every point of a chart that has something to say: each M or L of a path, and its line of the path's tips.
const pointsOf = svg => [...svg.querySelectorAll('[data-tips]')].flatMap(path => {
  const tips = path.dataset.tips.split('\n');
  return [...path.getAttribute('d').matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)]
    .map(([, x, y], i) => ({ path, x: Number(x), y: Number(y), tip: configurations[tips[i]] ?? tips[i] }));
});

const tip = document.createElement('div');
tip.className = 'tip';
document.body.append(tip);

function hideTip() {
  document.querySelector('.near')?.classList.remove('near');
  document.querySelector('.mark')?.remove();
  tip.hidden = true;
}

/// Beside the point, inside the window; its line is drawn thicker.
function showTip(svg, { path, x, y, tip: text }) {
  hideTip();
  path.classList.add('near');
  const mark = document.createElementNS(svg.namespaceURI, 'path');
  mark.setAttribute('class', 'mark');
  mark.setAttribute('d', `M${x} ${y}h0`);
  svg.append(mark);
  tip.textContent = text;
  tip.hidden = false;
  const at = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
  const right = document.documentElement.clientWidth - tip.offsetWidth - 4;
  tip.style.left = scrollX + Math.max(4, Math.min(at.x + 10, right)) + 'px';
  tip.style.top = scrollY + at.y + 12 + 'px';
}

/// The point that is nearest to the pointer is the one that it asks for.
function answerThePointer(svg) {
  const points = pointsOf(svg);
  if (points.length === 0) return;
  const answer = event => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const distance = point => Math.hypot(point.x - at.x, point.y - at.y);
    showTip(svg, points.reduce((best, point) => distance(point) < distance(best) ? point : best));
  };
  svg.addEventListener('pointermove', answer);
  svg.addEventListener('pointerdown', answer);
  svg.addEventListener('pointerleave', event => event.pointerType !== 'touch' && hideTip());
}

/// A number where the cell has one, for sorting.
const value = (row, column) => {
  const cell = row.cells[column], key = cell.dataset.key ?? cell.textContent;
  return key !== '' && !isNaN(key) ? Number(key) : key;
};
const compare = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === 'number' ? -1 : 1;

function makeSortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...heading.childNodes);
    button.title = 'sort';
    heading.append(button);
    button.addEventListener('click', () => {
      const up = heading.getAttribute('aria-sort') !== 'ascending';
      headings.forEach(other => other.removeAttribute('aria-sort'));
      heading.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => (up ? 1 : -1) * compare(value(a, column), value(b, column)));
      table.tBodies[0].append(...rows);
    });
  });
}

/// Rows with all of the words that are typed.
function makeFilterable(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < 8) return;
  const box = document.createElement('div'), label = document.createElement('label');
  const input = document.createElement('input'), count = document.createElement('output');
  box.className = 'filter';
  input.type = 'search';
  label.append('Filter', input);
  box.append(label, count);
  table.parentElement.before(box);
  const texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !words.every(word => texts.get(row).includes(word));
    count.textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length} rows`;
  };
  input.addEventListener('input', filter);
  filter();
}

hideTip();
document.addEventListener('pointerdown', hideTip, { capture: true });
document.querySelectorAll('figure svg').forEach(answerThePointer);
document.querySelectorAll('table.sortable').forEach(table => {
  makeSortable(table);
  makeFilterable(table);
});
