r"""The server as a Windows service: set up, controlled, and run by the service control manager.

The account is the service's own (`NT SERVICE\sa-contexts`), a virtual account that exists as long
as the service does, has no password and no rights but those of its groups. It is put into Network
Configuration Operators, whose members may read the filter engine; LocalService and NetworkService
are not in it, and LocalSystem may do far more than is needed
(learn.microsoft.com: "Service user accounts in Windows Server", "Access Control" of WFP).
"""
