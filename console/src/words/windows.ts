/** The names that Windows' own tools have for what the console shows (docs/windows-words.md). */

/** A property of `Get-NetIPsecQuickModeSA`, by our word. */
export const QUICK_MODE = {
  localAddress: 'LocalEndpoint',
  remoteAddress: 'RemoteEndpoint',
  trafficType: 'EncapsulationMode',
  localPort: 'LocalPort',
  remotePort: 'RemotePort',
  ipProtocol: 'IpProtocol',
  pfsGroup: 'PfsGroupId',
  principalName: 'MmTargetName',
  userName: 'EmTargetName',
  ruleName: 'TransportLayerFilterName',
  localUdpEncapPort: 'LocalUdpEncapsulationPort',
  remoteUdpEncapPort: 'RemoteUdpEncapsulationPort',
  spi: 'SPI',
  lifetimeSeconds: 'LifetimeSeconds',
  lifetimeKilobytes: 'LifetimeKilobytes',
  lifetimePackets: 'LifetimePackets',
  idleTimeoutSeconds: 'IdleDurationSeconds',
  mmSaId: 'MmSaId',
  qmSaId: 'QmSaId',
  qmFilterId: 'QuickModeFilterId',
  cipher: 'FirstCipherAlgorithm',
  integrity: 'FirstIntegrityAlgorithm',
  transformType: 'FirstTransformType',
  flags: 'Flags',
  localIfAlias: 'InterfaceAlias',
} as const;

/** A property of `Get-NetIPsecMainModeSA`, by our word. */
export const MAIN_MODE = {
  keyModule: 'KeyModule',
  localAddress: 'LocalEndpoint',
  remoteAddress: 'RemoteEndpoint',
  cipher: 'CipherAlgorithm',
  integrity: 'HashAlgorithm',
  dhGroup: 'GroupId',
  lifetime: 'LifetimeSeconds',
  quickModeLimit: 'MaxQMSAs',
  local: 'LocalFirstId',
  peer: 'RemoteFirstId',
  method: 'AuthenticationMethod',
  cookies: 'InitiatorCookie, ResponderCookie',
} as const;

/** A parameter of `New-NetIPsecRule`, by our word. */
export const TUNNEL = {
  name: 'DisplayName',
  keyModule: 'KeyModule',
  localAddress: 'LocalTunnelEndpoint',
  remoteAddress: 'RemoteTunnelEndpoint',
  remoteFqdn: 'RemoteTunnelHostname',
} as const;
