/** The console's icons: drawn here, 16 units wide, in the text's colour. */

const PATHS = {
  overview: 'M2.5 2.5h4.5v6h-4.5zM9 2.5h4.5v3.5H9zM9 8h4.5v5.5H9zM2.5 10.5h4.5v3h-4.5z',
  contexts: 'M4.5 7V5a3.5 3.5 0 0 1 7 0v2M3 7h10v6.5H3zM8 9.7v1.4',
  peers: 'M8 1.8v4M8 10.2v4M1.8 8h4M10.2 8h4M8 5.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4z',
  failures: 'M8 2l6.3 11.3H1.7zM8 6.5v3M8 11.4v.2',
  tunnels: 'M1.5 12.5v-3a6.5 6.5 0 0 1 13 0v3M5 12.5v-3a3 3 0 0 1 6 0v3M1 12.5h14',
  certificates: 'M2 3h12v7.5H2zM5 6h6M5 8h3M10 10.5v3.7l1.3-1 1.3 1v-3.7',
  engine: 'M1.5 8.5h3l2-5.5 3 10 2-4.5h3',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.4 10.4L14 14',
  download: 'M8 2v8M4.8 7L8 10.2 11.2 7M2.5 13.5h11',
  columns: 'M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10',
  close: 'M4 4l8 8M12 4l-8 8',
  scheme: 'M8 2.5v11a5.5 5.5 0 0 0 0-11zM8 2.5a5.5 5.5 0 0 0 0 11',
  signOut: 'M6.5 2.5h-4v11h4M10 5l3 3-3 3M13 8H6',
  key: 'M5.2 6.6a3 3 0 1 0 0 2.8H9v1.8h2V9.4h3V6.6z',
  back: 'M9.5 3.5L5 8l4.5 4.5',
  plus: 'M8 3v10M3 8h10',
  sort: 'M5 3v10M2.5 10.5L5 13l2.5-2.5M9 4.5h5M9 8h3.5M9 11.5h2',
} as const;

/** The names of the icons. */
export type IconName = keyof typeof PATHS;

/** Draw an icon; it says nothing to screen readers, so text must stand beside it. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.4"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
