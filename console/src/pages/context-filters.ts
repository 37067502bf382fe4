/** The filters of SA contexts: parameters of the API's list, in its own names and values. */

import type { Filter } from '../ui/filters';
import { CONTEXT_WEAKNESSES, weakness } from '../words/weaknesses';
import { valueLabel } from '../words/values';

const CIPHERS = [
  'none',
  'cbc_des',
  'cbc_3des',
  'cbc_aes_128',
  'cbc_aes_192',
  'cbc_aes_256',
  'gcm_aes_128',
  'gcm_aes_192',
  'gcm_aes_256',
];
const INTEGRITY = [
  'none',
  'hmac_md5_96',
  'hmac_sha_1_96',
  'hmac_sha_256_128',
  'gcm_aes_128',
  'gcm_aes_192',
  'gcm_aes_256',
];
const PFS = ['none', 'group_1', 'group_2', 'group_14', 'ecp_256', 'ecp_384', 'mm', 'group_24'];
const TRANSFORMS = ['ah', 'esp_auth', 'esp_cipher', 'esp_auth_and_cipher', 'esp_auth_fw'];

/** Return a weakness as the chips show it. */
export function weaknessLabel(value: string): string {
  return value === 'any' ? 'any' : weakness(value).label;
}

/** The filters, the most useful ones first. */
export const CONTEXT_FILTERS: readonly Filter[] = [
  { name: 'remoteAddress', label: 'Remote address', example: '192.0.2.1' },
  { name: 'remoteSubnet', label: 'Remote subnet', example: '10.0.0.0/8' },
  { name: 'principalName', label: 'Name', example: 'CORP\\alice, host/mail*' },
  { name: 'ruleName', label: 'Rule', example: 'SMB*' },
  { name: 'weakness', label: 'Weakness', values: ['any', ...CONTEXT_WEAKNESSES], valueLabel: weaknessLabel },
  { name: 'cipher', label: 'Encryption', values: CIPHERS, valueLabel },
  { name: 'integrity', label: 'Integrity', values: INTEGRITY, valueLabel },
  { name: 'pfsGroup', label: 'PFS group', values: PFS, valueLabel },
  { name: 'transformType', label: 'Transform', values: TRANSFORMS, valueLabel },
  { name: 'keyModule', label: 'Keying module', values: ['ike', 'authip', 'ikev2'], valueLabel },
  { name: 'trafficType', label: 'Mode', values: ['transport', 'tunnel'], valueLabel },
  { name: 'ipVersion', label: 'IP version', values: ['v4', 'v6'], valueLabel },
  { name: 'localAddress', label: 'Local address', example: '192.0.2.1' },
  { name: 'localSubnet', label: 'Local subnet', example: '10.0.0.0/8' },
  { name: 'udpPort', label: 'UDP port', example: '4500' },
  { name: 'spi', label: 'SPI', example: '0xb401d7c7' },
  { name: 'mmSaId', label: 'Main mode SA', example: '423355734875678632' },
  { name: 'qmFilterId', label: 'Quick mode filter', example: '1299334127851700079' },
];
