/**
 * What the doctor would find, as far as the API tells: `sa-contexts doctor` on the host checks more.
 *
 * Each finding has the name of the doctor's check, so that docs/troubleshooting.md leads on.
 */

import type { CertificatePage, ConnectionPage, Engine, NetEventPage } from '../../client';
import { counted } from '../format/numbers';
import type { Tone } from '../words/states';

/** A finding. */
export interface Finding {
  readonly check: string;
  readonly tone: Tone;
  readonly finding: string;
  readonly solution?: string;
}

/** What the findings are judged from; what is not known, or not for this caller, is absent. */
export interface Facts {
  readonly engine: Engine;
  readonly connections: ConnectionPage | undefined;
  readonly netEvents: NetEventPage | undefined;
  readonly certificates: CertificatePage | undefined;
}

/** Return the findings, those that need attention first. */
export function findingsOf({ engine, connections, netEvents, certificates }: Facts): Finding[] {
  const missing = Object.entries(engine.functions)
    .filter(([, exists]) => !exists)
    .map(([name]) => name);
  const findings: (Finding | false)[] = [
    ...engine.reasons.map((reason): Finding => ({
      check: reason.code,
      tone: 'bad',
      finding:
        reason.winErrorName === undefined ? reason.detail : `${reason.detail} (${reason.winErrorName})`,
    })),
    {
      check: 'session',
      ...(engine.session === 'open'
        ? { tone: 'good' as const, finding: 'The server has a session with the engine.' }
        : {
            tone: 'bad' as const,
            finding: 'The server has no session with the engine.',
            solution: 'Start the Base Filtering Engine, as an administrator: `sc.exe start BFE`.',
          }),
    },
    engine.lastRefresh !== undefined && {
      check: 'refresh',
      ...(engine.lastRefresh.succeeded
        ? {
            tone: 'good' as const,
            finding: `The last refresh took ${engine.lastRefresh.durationSeconds.toFixed(2)} s and read ${counted(engine.lastRefresh.contexts ?? 0, 'SA context')}.`,
          }
        : {
            tone: 'bad' as const,
            finding: 'The last refresh failed.',
            solution: 'The reasons are above, and in the server’s log.',
          }),
    },
    engine.kind === 'simulator' && {
      check: 'library',
      tone: 'warn',
      finding: 'The engine is simulated: these SA contexts are not real.',
      solution: 'Run the server on Windows, without `SA_CONTEXTS_ENGINE` and `SA_CONTEXTS_LIBRARY`.',
    },
    {
      check: 'subscribe_to_changes',
      ...(engine.changes === 'announced'
        ? { tone: 'good' as const, finding: 'The engine announces changes.' }
        : {
            tone: 'warn' as const,
            finding: 'The engine announces no changes; the server finds them by comparing refreshes.',
            solution: 'Grant the account `FWPM_ACTRL_SUBSCRIBE`, or use a newer version of Windows.',
          }),
    },
    missing.length > 0
      ? {
          check: 'functions',
          tone: 'warn',
          finding: `The engine lacks ${counted(missing.length, 'function')}: ${missing.join(', ')}.`,
          solution: 'Use a newer version of Windows: 8 and Server 2012 have all functions.',
        }
      : {
          check: 'functions',
          tone: 'good',
          finding: `The engine has all ${String(Object.keys(engine.functions).length)} functions.`,
        },
    ipv6Order(engine),
    netEvents !== undefined && {
      check: 'net_event_collection',
      ...(netEvents.collection === 'disabled'
        ? {
            tone: 'warn' as const,
            finding: 'The engine collects no net events, so failures stay unknown.',
            solution: `As an administrator, run \`${netEvents.howToEnable ?? 'netsh wfp set options netevents=on'}\`.`,
          }
        : { tone: 'good' as const, finding: 'The engine collects net events.' }),
    },
    connections !== undefined && {
      check: 'connection_monitoring',
      ...(connections.monitoring === 'off'
        ? {
            tone: 'warn' as const,
            finding: 'The engine does not track connections, so there are no byte counts.',
            solution:
              'As an administrator, run `sa-contexts service enable-connection-monitoring`. WFP cannot switch it off again.',
          }
        : { tone: 'good' as const, finding: 'The engine tracks connections.' }),
    },
    connections?.ikeext === 'not_running' && {
      check: 'ikeext_service',
      tone: 'warn',
      finding: 'The service IKEEXT does not run: lists are empty.',
      solution: 'If the host has an IPsec policy, run `sc.exe start IKEEXT`.',
    },
    certificates?.store === 'unreadable' && {
      check: 'certificate_store',
      tone: 'warn',
      finding: 'The computer’s certificate store cannot be read, so no expiry is known.',
    },
    certificates !== undefined &&
      certificates.items.length > 0 && {
        check: 'ike_certificates',
        tone: 'warn',
        finding: `${counted(certificates.items.length, 'certificate')} of main mode ${certificates.items.length === 1 ? 'expires' : 'expire'} within 30 days.`,
        solution: 'Renew them: see the page Certificates.',
      },
  ];
  const rank: Record<Tone, number> = { bad: 0, warn: 1, calm: 2, good: 3 };
  return findings.filter((each) => each !== false).sort((a, b) => rank[a.tone] - rank[b.tone]);
}

function ipv6Order({ ipv6Order: { order, reason } }: Engine): Finding {
  const check = 'ipv6_byte_order';
  switch (reason) {
    case 'contradictory_evidence':
      return {
        check,
        tone: 'warn',
        finding: 'The evidence of the byte order of IPv6 addresses is contradictory.',
        solution: 'If they look reversed, set `SA_CONTEXTS_IPV6_ORDER=reversed`.',
      };
    case 'too_little_evidence':
      return {
        check,
        tone: 'calm',
        finding: 'The byte order of IPv6 addresses is not known yet; the server assumes network order.',
      };
    default:
      return {
        check,
        tone: 'good',
        finding: `IPv6 addresses are in ${order === 'network' ? 'network order' : 'reversed order'}${reason === 'setting' ? ', as the setting says' : ''}.`,
      };
  }
}
