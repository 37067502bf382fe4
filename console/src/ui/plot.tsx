/** Plots over time, by uPlot; beside each stands a table for those who cannot see it. */

import 'uplot/dist/uPlot.min.css';

import { useEffect, useId, useRef } from 'preact/hooks';
import uPlot from 'uplot';

import { axisTime, localTime } from '../format/times';

/** A line of a plot. */
export interface Line {
  readonly label: string;
  /** The custom property of its colour, such as `--accent`. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly isFilled?: boolean;
}

/** Plot lines over common times, in seconds since 1970. */
export function Plot({
  label,
  times,
  lines,
  format,
  height = 150,
}: {
  label: string;
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  height?: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const id = useId();
  const latest = useRef(format);
  latest.current = format;
  const shape = lines.map((line) => `${line.label} ${line.colour}`).join('\n');

  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const made = new uPlot(
      optionsFor(element, lines, height, (value) => latest.current(value)),
      dataOf(times, lines),
      element,
    );
    plot.current = made;
    const resized = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height });
    });
    resized.observe(element);
    const recolour = (): void => {
      made.redraw(false);
    };
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', recolour);
    addEventListener('schemechange', recolour);
    return () => {
      resized.disconnect();
      scheme.removeEventListener('change', recolour);
      removeEventListener('schemechange', recolour);
      made.destroy();
      plot.current = null;
    };
    // Values are set below; only other lines need another plot.
  }, [shape, height]);

  useEffect(() => {
    plot.current?.setData(dataOf(times, lines));
  }, [times, lines]);

  const step = Math.max(1, Math.floor(times.length / 12));
  return (
    <figure class="plot" aria-labelledby={id}>
      <figcaption id={id} class="plot-caption">
        <span>{label}</span>
        {lines.map((line) => (
          <span key={line.label} class="plot-key">
            <span
              class="plot-dash"
              aria-hidden="true"
              ref={(element) => {
                element?.style.setProperty('background', `var(${line.colour})`);
              }}
            />
            {line.label} <strong class="number">{lastOf(line, format)}</strong>
          </span>
        ))}
      </figcaption>
      <div class="plot-box" ref={box} aria-hidden="true" />
      <table class="hidden">
        <caption>{label}</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map((line) => (
              <th scope="col" key={line.label}>
                {line.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times.map((time, index) =>
            index % step !== 0 && index !== times.length - 1 ? null : (
              <tr key={time}>
                <th scope="row">{localTime(time * 1000)}</th>
                {lines.map((line) => (
                  <td key={line.label}>{textOf(line.values[index], format)}</td>
                ))}
              </tr>
            ),
          )}
        </tbody>
      </table>
    </figure>
  );
}

function dataOf(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [[...times], ...lines.map((line) => [...line.values])];
}

function lastOf(line: Line, format: (value: number) => string): string {
  return textOf(line.values.at(-1), format);
}

function textOf(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? '–' : format(value);
}

function optionsFor(
  element: HTMLElement,
  lines: readonly Line[],
  height: number,
  format: (value: number) => string,
): uPlot.Options {
  const colour = (name: string) => () => getComputedStyle(element).getPropertyValue(name);
  const resolved = (name: string) => () => {
    probe.style.setProperty('color', `var(${name})`);
    element.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found === '' ? colour(name)() : found;
  };
  const probe = document.createElement('span');
  const grid = { stroke: resolved('--line'), width: 1 };
  const axis = { stroke: resolved('--soft'), font: '11px system-ui, sans-serif', ticks: { show: false } };
  return {
    width: element.clientWidth,
    height,
    padding: [8, 32, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 84,
        size: 26,
        values: (_plot, marks, _axis, _space, step) => marks.map((mark) => axisTime(mark * 1000, step < 60)),
      },
      { ...axis, grid, space: 36, size: 62, values: (_plot, marks) => marks.map(format) },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: resolved(line.colour),
        width: 1.6,
        spanGaps: false,
        points: {
          show: false,
          size: 4,
          filter: (plot: uPlot, index: number) => isolated(Array.from(plot.data[index] ?? [])),
        },
        ...(line.isFilled === true ? { fill: () => withAlpha(resolved(line.colour)()) } : {}),
      })),
    ],
    hooks: {},
  };
}

/** Return the indices of values without neighbours, which no line would show. */
function isolated(values: readonly (number | null | undefined)[]): number[] {
  const isThere = (index: number): boolean => (values[index] ?? null) !== null;
  return [...values.keys()].filter((at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1));
}

function withAlpha(colour: string): string {
  return colour.startsWith('rgb(') ? colour.replace('rgb(', 'rgba(').replace(')', ', 0.14)') : 'transparent';
}
