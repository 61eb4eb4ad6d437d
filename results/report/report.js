// Charts that answer to the pointer, tables that sort and filter. The page says all the same without scripts.
'use strict';
const data = JSON.parse(document.getElementById('chart-data').textContent);
const colour = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
const percent = fraction => fraction === null ? '–' : (100 * fraction).toFixed(2) + ' %';
const jitter = index => 2 * ((index * 0.6180339887498949) % 1) - 1;  // the same spread each time

/// A scale in the page's colours.
const scale = (options = {}) => ({
  grid: { color: colour('line') }, border: { color: colour('line') }, ...options,
  ticks: { color: colour('quiet'), ...options.ticks },
  title: { color: colour('quiet'), display: Boolean(options.title), text: options.title },
});
const percents = (options = {}) =>
  scale({ ...options, ticks: { maxTicksLimit: 7, callback: value => +(100 * value).toFixed(2) + ' %' } });
const dots = points => ({
  type: 'scatter', label: 'configurations', data: points, order: 2,
  pointRadius: points.map(point => point.i === 0 ? 5.5 : 3), pointHoverRadius: 7,
  backgroundColor: points.map(point => point.i === 0 ? colour('accent') : colour('dot') + 'bf'), borderWidth: 0,
});
const line = (label, points, options = {}) => ({
  type: 'line', label, data: points, borderColor: colour('ink'), borderWidth: 1.5, pointRadius: 0, order: 1, ...options,
});
/// Of a dot: the configuration and its accuracy.
const dotText = item => item.raw.i === undefined
  ? item.dataset.label
  : [data.names[item.raw.i], percent(data.accuracies[item.raw.i]) + ' validation accuracy'];

function curve(metric, index) {
  const { epochs, turned, [metric]: values } = data.curves[index];
  const all = data.curves.flatMap(other => [...other[metric].train, ...other[metric].validation])
    .filter(value => value !== null);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const last = Math.max(...data.curves.flatMap(other => other.epochs));
  const series = (label, style) =>
    line(label, epochs.map((epoch, i) => ({ x: epoch, y: values[label][i] })), { pointHitRadius: 8, ...style });
  const datasets = [series('train', { borderColor: colour('dot'), borderWidth: 1 }),
    series('validation', { borderColor: colour('accent'), borderWidth: 2 })];
  if (turned !== null)
    datasets.push(line('over-fits from here', [{ x: turned, y: low }, { x: turned, y: high }],
      { borderColor: colour('warn'), borderDash: [4, 4], borderWidth: 1 }));
  const y = { suggestedMin: low, suggestedMax: high };
  const shown = value => metric === 'accuracy' ? percent(value) : value.toFixed(4);
  return {
    height: 150, datasets, legend: metric === 'loss', mode: 'nearest',
    scales: {
      x: scale({ type: 'linear', min: Math.min(1, last), max: Math.max(2, last), ticks: { precision: 0, maxTicksLimit: 6 } }),
      y: metric === 'accuracy' ? percents(y) : scale({ ...y, ticks: { maxTicksLimit: 6, callback: value => +value.toFixed(2) } }),
    },
    text: item => `epoch ${item.raw.x}, ${item.dataset.label}: ${shown(item.raw.y)}`,
  };
}

function strips({ labels, values, means }) {
  const points = values.flatMap((strip, i) => strip === null || data.accuracies[i] === null
    ? [] : [{ x: data.accuracies[i], y: strip + 0.3 * jitter(i), i }]);
  const marks = means.flatMap((mean, strip) => mean === null ? [] : [{ x: mean, y: strip }]);
  const short = text => text.length > 22 ? text.slice(0, 21) + '…' : text;
  return {
    height: 60 + (labels.length > 8 ? 24 : 34) * labels.length,
    datasets: [{ ...line('mean', marks), type: 'scatter', pointStyle: 'line', rotation: 90, pointRadius: 11, showLine: false },
      dots(points)],
    scales: {
      x: percents(),
      y: scale({ min: -0.5, max: labels.length - 0.5, reverse: true, afterBuildTicks: axis => {
        axis.ticks = labels.map((_, value) => ({ value }));
      }, ticks: { autoSkip: false, callback: value => short(labels[value]) } }),
    },
    text: item => item.raw.i === undefined ? 'mean ' + percent(item.raw.x) : dotText(item),
  };
}

const plain = value => +(+value).toPrecision(3) + '';
function numbers({ label, logarithmic, values, means }) {
  const points = values.flatMap((x, i) => data.accuracies[i] === null ? [] : [{ x, y: data.accuracies[i], i }]);
  const trend = means.filter(mean => mean[1] !== null).map(([x, y]) => ({ x, y }));
  const all = values.filter(x => x !== null), [low, high] = [Math.min(...all), Math.max(...all)];
  const room = logarithmic ? (high / low) ** 0.12 : 0.06 * (high - low);
  const span = logarithmic ? { min: low / room, max: high * room } : { min: low - room, max: high + room };
  const atValues = trend.length > 0 && { afterBuildTicks: axis => { axis.ticks = trend.map(({ x }) => ({ value: x })); } };
  return {
    height: 260, datasets: [line('mean', trend), dots(points)],
    scales: {
      x: scale({ type: logarithmic ? 'logarithmic' : 'linear', title: label, ...span, ...atValues,
        ticks: { callback: plain, maxTicksLimit: 8 } }),
      y: percents(),
    },
    text: item => item.raw.i === undefined ? `mean ${percent(item.raw.y)}` : dotText(item),
  };
}

function time() {
  const at = i => ({ x: data.seconds[i], y: data.accuracies[i], i });
  const points = data.names.map((_, i) => at(i)).filter(({ x, y }) => x > 0 && y !== null);
  return {
    height: 320,
    datasets: [line('Pareto front', data.front.map(at).filter(({ x }) => x > 0), { pointRadius: 3.5, pointBackgroundColor: colour('ink') }),
      dots(points)],
    scales: { x: scale({ type: 'logarithmic', title: 'seconds of training', ticks: { callback: plain, maxTicksLimit: 8, maxRotation: 0 } }),
      y: percents() },
    text: item => [...dotText(item), `${plain(item.raw.x)} s of training`],
  };
}

const chartOf = {
  accuracy: index => curve('accuracy', index),
  loss: index => curve('loss', index),
  axis: index => data.axes[index].scatter ? numbers(data.axes[index]) : strips(data.axes[index]),
  time,
};

function drawCharts() {
  for (const figure of document.querySelectorAll('figure[data-chart]')) {
    const [kind, index] = figure.dataset.chart.split(' ');
    const { height, datasets, scales, text, legend = false } = chartOf[kind](Number(index));
    figure.querySelector('.canvas')?.remove();
    const frame = document.createElement('div'), canvas = document.createElement('canvas');
    frame.className = 'canvas';
    frame.style.height = height + 'px';
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', figure.querySelector('svg').getAttribute('aria-label'));
    frame.append(canvas);
    figure.querySelector('.drawing').before(frame);
    figure.classList.add('live');
    Chart.getChart(canvas)?.destroy();
    new Chart(canvas, {
      type: 'scatter', data: { datasets },
      options: {
        animation: false, maintainAspectRatio: false, scales, interaction: { mode: 'nearest', intersect: false },
        plugins: {
          legend: { display: legend, position: 'bottom', labels: { color: colour('quiet'), boxWidth: 14, boxHeight: 1 } },
          tooltip: { callbacks: { label: text, title: () => '' }, displayColors: false },
        },
      },
    });
  }
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

Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
Chart.defaults.font.size = 11;
drawCharts();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawCharts);
document.querySelectorAll('table.sortable').forEach(table => {
  makeSortable(table);
  makeFilterable(table);
});
