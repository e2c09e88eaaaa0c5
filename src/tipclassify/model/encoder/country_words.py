"""List words of country names and demonyms, which are names even at the start of a sentence.

`COUNTRY_NAMES` matches names that single words do not identify: of ordinary words ("Ivory Coast"), or with commas or
brackets inside.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["COUNTRY_NAMES", "COUNTRY_WORDS"]

COUNTRY_NAMES: Final = re.compile(
    r"""\b(?:[Tt]he\ )?(?:
        United\ (?:States|Kingdom) | Holy\ See | Ivory\ Coast | El\ Salvador | Isle\ of\ Man | State\ of\ Palestine
        | Dominican\ Republic | Russian\ Federation | French\ Southern\ Territories
        | (?:Bouvet|Christmas|Norfolk)\ Island
        | (?:Åland|Cayman|Cook|Faroe|Marshall|Solomon|U\.S\.\ Virgin|Cocos\ \(Keeling\))\ Islands
        | Falkland\ Islands\ \(Malvinas\) | Bonaire,\ Sint\ Eustatius\ and\ Saba
        | Saint\ Helena,\ Ascension\ and\ Tristan\ da\ Cunha
    )(?!\w)""",
    re.VERBOSE,
)

COUNTRY_WORDS: Final = frozenset(
    """afghanistan africa aland albania algeria america andorra angola anguilla antarctica antigua arabia argentina
    armenia aruba asia australia austria azerbaijan bahamas bahrain bangladesh barbados barbuda belarus belgium
    belize benin bermuda bhutan bissau bolivia bonaire bosnia botswana brazil britain brunei bulgaria burkina burma
    burundi cabo caicos caledonia cambodia cameroon canada cayman chad chile china colombia comoros congo croatia
    cuba curacao cyprus czechia darussalam denmark djibouti dominica ecuador egypt england eritrea estonia eswatini
    ethiopia europe falkland faroe faso fiji finland france futuna gabon gambia georgia germany ghana gibraltar
    greece greenland grenada grenadines guadeloupe guam guatemala guernsey guiana guinea guyana haiti helena
    herzegovina holland honduras hungary iceland india indonesia iran iraq ireland israel italy ivoire jamaica japan
    jersey jordan kazakhstan kenya kiribati kitts korea kosovo kuwait kyrgyzstan lanka laos latvia lebanon leone
    lesotho leste liberia libya liechtenstein lithuania lucia luxembourg macao macau macedonia madagascar malawi
    malaysia maldives mali malta marino marshall martinique mauritania mauritius mayotte mexico micronesia moldova
    monaco mongolia montenegro montserrat morocco mozambique myanmar namibia nauru nepal netherlands nevis nicaragua
    niger nigeria niue norway oman pakistan palau palestine panama papua paraguay peru philippines pitcairn poland
    polynesia portugal principe qatar reunion rica rico romania russia rwanda samoa saudi scotland senegal serbia
    seychelles sierra singapore slovakia slovenia solomon somalia somaliland spain sri sudan suriname svalbard
    swaziland sweden switzerland syria taiwan tajikistan tanzania thailand tibet timor tobago togo tokelau tonga
    trinidad tunisia turkey turkiye turkmenistan tuvalu uganda ukraine uruguay uzbekistan vanuatu venezuela vietnam
    wales yemen zambia zealand zimbabwe
    afghan african albanian algerian american andorran angolan antiguan arab argentine argentinian armenian asian
    australian austrian azerbaijani azeri bahamian bahraini bangladeshi barbadian basotho belarusian belgian
    belizean beninese bermudian bhutanese bolivian bosnian batswana brazilian british bruneian bulgarian burkinabe
    burmese burundian cambodian cameroonian canadian chadian chilean chinese colombian comoran comorian congolese
    croatian cuban cypriot czech danish djiboutian dominican dutch ecuadorian egyptian emirati english eritrean
    estonian ethiopian european fijian filipino filipina finnish french gabonese gambian georgian german ghanaian
    greek grenadian guatemalan guinean guyanese haitian honduran hungarian icelandic indian indonesian iranian iraqi
    irish israeli italian ivorian ivoirian jamaican japanese jordanian kazakh kazakhstani kenyan kosovar kosovan
    kurdish kuwaiti kyrgyz kyrgyzstani lao laotian latvian lebanese liberian libyan lithuanian macedonian malagasy
    malawian malaysian maldivian malian maltese marshallese mauritanian mauritian mexican micronesian moldovan
    mongolian montenegrin moroccan mosotho mozambican namibian nauruan nepali nepalese nicaraguan nigerian nigerien
    norwegian omani pakistani palauan palestinian panamanian paraguayan peruvian philippine polish portuguese qatari
    romanian russian rwandan salvadoran samoan saudi scottish senegalese serbian seychellois singaporean slovak
    slovakian slovene slovenian somali spanish sudanese surinamese swazi swedish swiss syrian taiwanese tajik
    tajikistani tanzanian thai tibetan timorese togolese tongan tunisian turk turkish turkmen tuvaluan ugandan
    ukrainian uruguayan uzbek uzbekistani vanuatuan venezuelan vietnamese welsh yemeni zambian zimbabwean
    uae uk us usa drc prc dprk""".split()
)
