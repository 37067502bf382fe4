/** The names of Windows' errors. */

/** Return an error's name without the prefix that all of IPsec's have; the full name belongs into the title. */
export function shortName(name: string): string {
  return name.replace(/^(?:ERROR|STATUS)_IPSEC_/, '');
}
