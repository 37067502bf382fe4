<#
.SYNOPSIS
Restricts access to sa-contexts on this node to the given addresses. Run it as an administrator
on each Windows node, and again to change the addresses.

.DESCRIPTION
A NetworkPolicy does not apply to a pod in the node's own network. Give the kubelet's own address (the
node's) only if probes fail: what a host sends to itself is not filtered. Not yet run on Windows.

.EXAMPLE
.\firewall.ps1 -RemoteAddress 10.20.0.0/16, 10.30.1.7
#>
#Requires -RunAsAdministrator
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string[]] $RemoteAddress,
    [ValidateRange(1, 65535)] [int] $Port = 8443
)
$ErrorActionPreference = 'Stop'

$name = 'sa-contexts'
Get-NetFirewallRule -Name $name -ErrorAction SilentlyContinue | Remove-NetFirewallRule
$rule = @{
    Name          = $name
    DisplayName   = "sa-contexts (TCP $Port)"
    Description   = 'Who may ask for the IPsec SAs of this node.'
    Direction     = 'Inbound'
    Action        = 'Allow'
    Protocol      = 'TCP'
    LocalPort     = $Port
    RemoteAddress = $RemoteAddress
}
New-NetFirewallRule @rule | Out-Null

# A rule that allows is worth nothing where all is allowed.
$open = Get-NetFirewallProfile | Where-Object { -not $_.Enabled -or $_.DefaultInboundAction -eq 'Allow' }
foreach ($each in $open) {
    Write-Warning "The profile $($each.Name) lets in what no rule blocks: the port is open to everybody there."
}
