/** Weaknesses in words: docs/weaknesses.md in brief. */

/** A weakness as it is explained. */
export interface Weakness {
  readonly label: string;
  readonly meaning: string;
  readonly remedy: string;
  /** Whether packets can be read or forged with known means. */
  readonly isGrave: boolean;
}

const CIPHER = 'New-NetIPsecQuickModeCryptoProposal -Encryption AESGCM256';
const HASH = 'New-NetIPsecQuickModeCryptoProposal -ESPHash SHA256, or AESGMAC256 with AES-GCM';
const PFS = 'New-NetIPsecQuickModeCryptoSet -PerfectForwardSecrecyGroup DH20';
const DH = 'New-NetIPsecMainModeCryptoProposal -KeyExchange DH20';

const WEAKNESSES: Record<string, Weakness> = {
  des: weak('DES', 'A 56-bit key can be found by trying all keys.', CIPHER, true),
  '3des': weak(
    '3DES',
    '64-bit blocks begin to repeat after some tens of gigabytes under one key, and reveal plain text.',
    CIPHER,
    true,
  ),
  md5: weak('MD5', 'Never approved by NIST; MUST NOT in the IETF’s RFCs.', HASH, true),
  sha_1: weak('SHA-1', 'SHA-2 is stronger and recommended instead.', HASH),
  no_encryption: weak(
    'no encryption',
    'Everyone on the path can read the packets.',
    '-Encryption other than None; not -Encapsulation None',
    true,
  ),
  no_integrity: weak(
    'no integrity',
    'Packets can be changed in transit, even if they are encrypted.',
    '-ESPHash other than None; not -Encapsulation None',
    true,
  ),
  ah: weak('AH', 'Obsolete: ESP authenticates packets, too, and passes NAT.', '-Encapsulation ESP'),
  integrity_from_ah: weak(
    'integrity from AH',
    'Two headers are sent, although ESP alone can encrypt and authenticate.',
    '-Encapsulation ESP with an -ESPHash',
  ),
  no_pfs: weak(
    'no PFS',
    'The keys derive from the main mode’s secret: anyone who learns it can decrypt all recorded traffic.',
    PFS,
  ),
  pfs_group_1: weak('PFS group 1', '768 bits: within reach of academic teams.', PFS, true),
  pfs_group_2: weak('PFS group 2', '1024 bits: within reach of well-funded attackers.', PFS),
  pfs_group_24: weak(
    'PFS group 24',
    '2048 bits, but with small subgroups, and with seeds that were never published.',
    PFS,
  ),
  long_lifetime: weak(
    'long lifetime',
    'One key protects more traffic, so finding it is worth more.',
    '-MaxMinutes of at most 480',
  ),
  ikev1: weak(
    'IKEv1',
    'Superseded in 2005, historic since 2023; it gets no further improvements.',
    'New-NetIPsecRule -KeyModule IKEv2',
  ),
  no_dh_group: weak(
    'no DH group',
    'Without a Diffie-Hellman exchange, the keys are no safer than the credentials.',
    DH,
    true,
  ),
  dh_group_1: weak('DH group 1', '768 bits: within reach of academic teams.', DH, true),
  dh_group_2: weak('DH group 2', '1024 bits: within reach of well-funded attackers.', DH),
  dh_group_24: weak(
    'DH group 24',
    '2048 bits, but with small subgroups, and with seeds that were never published.',
    DH,
  ),
  preshared_key: weak(
    'preshared key',
    'Everyone who knows the key can pose as any of its owners, and a short key can be guessed.',
    'New-NetIPsecAuthProposal -Machine -Cert',
  ),
};

/** Weaknesses that the list of SA contexts can be filtered by. */
export const CONTEXT_WEAKNESSES = [
  'des',
  '3des',
  'md5',
  'sha_1',
  'no_encryption',
  'no_integrity',
  'ah',
  'integrity_from_ah',
  'no_pfs',
  'pfs_group_1',
  'pfs_group_2',
  'pfs_group_24',
  'long_lifetime',
  'ikev1',
] as const;

/** Return a weakness in words; a newer server may know others. */
export function weakness(value: string): Weakness {
  return WEAKNESSES[value] ?? weak(value.replaceAll('_', ' '), '', '');
}

function weak(label: string, meaning: string, remedy: string, isGrave = false): Weakness {
  return { label, meaning, remedy, isGrave };
}
