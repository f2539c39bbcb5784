"""That no rule of scim.md (N1 to N48) is without a test of what holds (`test_nXX_ok_…`) and of what is refused (`test_nXX_no_…`)."""

import glob
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))


def test_no_rule_is_missing():
    found = set()
    for path in glob.glob(f"{HERE}/test_scim_rules_*.py"):
        with open(path, encoding="utf-8") as file:
            found |= set(re.findall(r"^def test_n(\d\d)_(ok|no)_", file.read(), re.MULTILINE))
    wanted = {(f"{number:02}", kind) for number in range(1, 49) for kind in ("ok", "no")}
    assert found == wanted, (sorted(wanted - found), sorted(found - wanted))
