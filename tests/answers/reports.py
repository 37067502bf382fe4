"""The 40 codes that public reports mention most, each with a report that shows how people meet it.

The reports were found by searching for codes of IKE, errors of VPN clients and events of IPsec in
forums, issue trackers, blogs and Microsoft's support articles. An explanation cites its report.
"""

from __future__ import annotations

from typing import Final


_HICKS: Final = "https://directaccess.richardhicks.com/"
_LEARN: Final = "https://learn.microsoft.com/"
_AOVPN: Final = _LEARN + "troubleshoot/windows-server/networking/troubleshoot-always-on-vpn"
_HWDSL2: Final = "https://github.com/hwdsl2/setup-ipsec-vpn/issues/"
_RAS_ISSUES: Final = "http://technet.microsoft.com/library/3060ebb9-d91a-4f85-903f-dc865bd0692c"
_DRIVER: Final = "https://github.com/wazuh/wazuh/issues/14362"
_ENGINE: Final = "https://github.com/henrypp/simplewall/issues/"
_POLICY_AGENT: Final = _LEARN + "previous-versions/windows/it-pro/windows-server-2008-R2-and-2008/"

REPORTS: Final = {
    "13801": _HICKS + "2021/12/13/always-on-vpn-error-13801/",
    "13806": "https://github.com/trailofbits/algo/issues/234",
    "13834": "https://me.micahrl.com/blog/windows-ikev2-error-13801/",
    "13843": "https://github.com/libreswan/libreswan/issues/1277",
    "13866": "https://erropedia.com/solution.php?slug=fix-erroripsecikeencrypt-0x0000362a-payload-"
    "encryption-failure",
    "13868": "https://github.com/trailofbits/algo/issues/1063",
    "13903": _HICKS + "tag/elb/",
    "64": _AOVPN,
    "87": _HWDSL2 + "1268",
    "0x80320009": "https://github.com/openvswitch/ovs-issues/issues/84",
    "0x80320012": _ENGINE + "824",
    "0x80320016": "https://github.com/capocasa/3code/issues/40",
    "0x8032001c": _ENGINE + "213",
    "0x800b0101": _HICKS + "tag/expired-certificate/",
    "0x800b0109": _AOVPN,
    "ras-628": _HWDSL2 + "18",
    "ras-691": _HICKS + "2018/02/",
    "ras-720": _HWDSL2 + "893",
    "ras-787": _LEARN + "troubleshoot/windows-server/networking/l2tp-vpn-fails-with-error-787",
    "ras-789": "https://github.com/hwdsl2/docker-ipsec-vpn-server/issues/75",
    "ras-790": "https://bluelayersystems.com/case-studies/vpn-rds-cascade",
    "ras-791": _RAS_ISSUES,
    "ras-792": "https://support.microsoft.com/help/838438",
    "ras-800": _AOVPN,
    "ras-806": "https://vpnwired.com/common-vpn-error-codes",
    "ras-809": _HICKS + "2019/02/14/troubleshooting-always-on-vpn-error-code-809/",
    "ras-812": _HICKS + "2018/02/",
    "ras-835": _RAS_ISSUES,
    "ras-853": _HICKS + "tag/853/",
    "ras-864": _HICKS + "tag/ikev2/page/9",
    "event-4653": "https://www.windows-security.org/ae8e2e6254a9dd3b39b84c1c74ceb168/"
    "audit-ipsec-main-mode",
    "event-4654": "http://forum.ultimatewindowssecurity.com/securitylog/encyclopedia/event.aspx"
    "?eventid=4654",
    "event-4960": _DRIVER,
    "event-4963": _DRIVER,
    "event-4965": _LEARN + "archive/blogs/canberrapfe/nla-public-profile-when-using-ipsec",
    "event-4983": "https://www.anavem.com/en/windows-events/windows-event-id-4983-security-auditing"
    "-ipsec-main-mode-authentication-failed",
    "event-4984": "https://www.manageengine.com/products/active-directory-audit/kb/"
    "logon-logoff-events/event-id-4984.html",
    "event-5453": "https://github.com/elastic/integrations/issues/3769",
    "event-5457": "http://technet.microsoft.com/en-us/library/dd364456.aspx",
    "event-5462": _POLICY_AGENT + "cc733433(v=ws.10)",
}
"""The report by the id of the failure."""
