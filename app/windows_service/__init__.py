r"""The server as a Windows service: installation, control and hosting.

By default, the service runs as a virtual account (`NT SERVICE\sa-contexts`), which exists as long
as the service, has no password and has only the rights of its groups. The installation adds the
account to Network Configuration Operators, whose members may read the filter engine. LocalService
and NetworkService are not members, and LocalSystem has far more rights than needed
(learn.microsoft.com: "Service user accounts in Windows Server", "Access Control" of WFP).
"""
