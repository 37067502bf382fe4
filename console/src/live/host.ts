/** The host and its engine, as the frame shows them on every page. */

import { computed, signal } from '@preact/signals';

import type { Engine } from '../../client';

/** What the server last said of its engine. */
export const engine = signal<Engine | undefined>(undefined);

/** The host's name; empty until it is known. */
export const host = computed(() => engine.value?.host ?? '');
