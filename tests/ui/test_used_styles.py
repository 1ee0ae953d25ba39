"""What a page that carries its styles leaves out of the site's stylesheet."""

import pytest

from cabinet.ui.used_styles import used_only

PAGE = '<html class="p-5 dark:bg-a hover:[&amp;_a]:b"><p class="group"></p></html>'


@pytest.mark.parametrize(
    "rule",
    [
        "a{color:red}",
        ".p-5{padding:1.25rem}",
        ".dark .p-5{padding:0}",
        ":root:not(.other){color:red}",
        r".dark\:bg-a:is(.dark *){color:red}",
        r".hover\:\[\&_a\]\:b:hover{color:red}",
        "@media (width>=64rem){.p-5{padding:0}}",
        "@layer base,utilities;",
        "@layer utilities{}",
        "@font-face{font-family:Onest}",
        "@keyframes bone{to{opacity:.45}}",
    ],
)
def test_what_the_page_can_use_stays_to_the_letter(rule: str):
    assert used_only(rule, PAGE) == rule


@pytest.mark.parametrize(
    "rule", [".p-6{padding:0}", ".p-5 .p-6{padding:0}", "@media print{.p-6{padding:0}}", "@supports (a:b){.p-6{a:b}}"]
)
def test_rules_for_classes_that_the_page_has_not_go(rule: str):
    assert used_only(rule, PAGE) == ""


def test_of_several_selectors_the_used_ones_stay():
    assert used_only(".p-5,.p-6,h1{margin:0}", PAGE) == ".p-5,h1{margin:0}"


def test_what_is_left_of_a_layer_keeps_its_order():
    css = "@layer utilities{.p-6{padding:0}.p-5{padding:1.25rem}@media print{.p-6{a:b}}}a{color:red}"

    assert used_only(css, PAGE) == "@layer utilities{.p-5{padding:1.25rem}}a{color:red}"


def test_a_property_is_registered_where_a_rule_that_stays_reads_it():
    read, unread = '@property --a{syntax:"*";inherits:false}', '@property --b{syntax:"*";inherits:false}'

    kept = used_only(f".p-5{{padding:var(--a)}}.p-6{{padding:var(--b)}}{read}{unread}", PAGE)

    assert kept == f".p-5{{padding:var(--a)}}{read}"
