/** The API's values for algorithms, groups and modules, as people write them, and in Windows' words. */

const LABELS: Record<string, string> = {
  none: 'none',
  cbc_des: 'DES',
  cbc_3des: '3DES',
  cbc_aes_128: 'AES-CBC 128',
  cbc_aes_192: 'AES-CBC 192',
  cbc_aes_256: 'AES-CBC 256',
  gcm_aes_128: 'AES-GCM 128',
  gcm_aes_192: 'AES-GCM 192',
  gcm_aes_256: 'AES-GCM 256',
  hmac_md5_96: 'MD5',
  hmac_sha_1_96: 'SHA-1',
  hmac_sha_256_128: 'SHA-256',
  group_1: 'group 1',
  group_2: 'group 2',
  group_14: 'group 14',
  group_24: 'group 24',
  ecp_256: 'ECP 256',
  ecp_384: 'ECP 384',
  mm: 'as main mode',
  ike: 'IKEv1',
  ikev2: 'IKEv2',
  authip: 'AuthIP',
  v4: 'IPv4',
  v6: 'IPv6',
  ah: 'AH',
  esp_auth: 'ESP, integrity only',
  esp_cipher: 'ESP, encryption only',
  esp_auth_and_cipher: 'ESP',
  esp_auth_fw: 'ESP, first packet only',
  transport: 'transport',
  tunnel: 'tunnel',
  aes_128: 'AES 128',
  aes_192: 'AES 192',
  aes_256: 'AES 256',
  aes_gcm_128_16icv: 'AES-GCM 128',
  aes_gcm_256_16icv: 'AES-GCM 256',
  des: 'DES',
  '3des': '3DES',
  md5: 'MD5',
  sha_1: 'SHA-1',
  sha_256: 'SHA-256',
  sha_384: 'SHA-384',
};

/** The words of netsh for a value (docs/windows-words.md, Values). */
const NETSH: Record<string, string> = {
  cbc_des: 'des',
  cbc_3des: '3des',
  cbc_aes_128: 'aes128',
  cbc_aes_192: 'aes192',
  cbc_aes_256: 'aes256',
  gcm_aes_128: 'aesgcm128',
  gcm_aes_192: 'aesgcm192',
  gcm_aes_256: 'aesgcm256',
  hmac_md5_96: 'md5',
  hmac_sha_1_96: 'sha_1',
  hmac_sha_256_128: 'sha256',
  group_1: 'dhgroup1',
  group_2: 'dhgroup2',
  group_14: 'dhgroup14',
  ecp_256: 'ecdhp256',
  ecp_384: 'ecdhp384',
  group_24: 'dhgroup24',
  mm: 'mainmode',
};

/** Values that published advice calls weak, and those that are poor. */
const BAD = new Set([
  'none',
  'cbc_des',
  'cbc_3des',
  'des',
  '3des',
  'hmac_md5_96',
  'md5',
  'group_1',
  'esp_auth_fw',
  'esp_cipher',
]);
const POOR = new Set(['hmac_sha_1_96', 'sha_1', 'group_2', 'group_24', 'ike', 'ah', 'esp_auth']);

/** Return a value as people write it. */
export function valueLabel(value: string): string {
  return LABELS[value] ?? value.replaceAll('_', ' ');
}

/** Return netsh's word for a value, if it has one. */
export function netshWord(value: string): string | undefined {
  return NETSH[value];
}

/** Return how sound a value is. */
export function soundness(value: string): 'good' | 'poor' | 'bad' {
  return BAD.has(value) ? 'bad' : POOR.has(value) ? 'poor' : 'good';
}

/** Return a protection such as `ESP cbc_aes_128 + hmac_sha_1_96` as people write it. */
export function protectionLabel(text: string): string {
  return text.replace(/\b(?:cbc|gcm|hmac)_[a-z0-9_]+/g, valueLabel);
}

/** Return the IP protocol's name. */
export function ipProtocol(value: number): string {
  return (
    { 0: 'any', 1: 'ICMP', 6: 'TCP', 17: 'UDP', 47: 'GRE', 58: 'ICMPv6', 115: 'L2TP' }[value] ?? String(value)
  );
}
