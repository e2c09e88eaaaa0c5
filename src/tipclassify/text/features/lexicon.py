"""Map words to semantic classes: actors, acts, polarity, hardship.

Classes let a linear model generalise to words that the corpus lacks: "inspectors", "the tribunal" and "border guards"
are all organs of a state. The lexicon is written by hand from the codebook, without countries. ``abc-`` is a prefix;
``one_two`` matches two adjacent words and gives its class to the first. The first class that lists a word wins.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ACTORS", "CLASSES", "CUES", "GEOGRAPHIC", "IMPERATIVES", "MAX_SCOPE", "PHRASES", "SHIFTERS", "class_of"]

_TABLE: Final[dict[str, str]] = {
    # Polarity. Order matters: a negator is a negator even if it fits another class.
    "neg": """not no never neither nor none nobody nothing without cannot didn doesn hasn haven wasn weren isn aren
        don couldn wouldn absence lack lacks lacked lacking absent zero nil fail- unable inability unwilling- refus-
        declin_to no_longer yet_to nonexistent neglect- omit- omission unaware withheld prevented instead
        rather_than far_from""",
    "deny": """deny denies denied denying denial denials downplay- minimiz- minimis- refut- disput- reject- played_down
        play_down brushed_aside called_reports fabricat- exaggerat-""",
    "letoff": """acquit- acquitted overturn- plead- pleaded pled lesser bail quash- annul- expung- pardon-
        reduced_sentence suspended_sentence- suspended_sentences dropped_charges dropped_the withdrew withdrawn
        collaps- dismissed_the out_of_court unpunished mistrial probation""",
    "impunity": """impunity promoted promotion reinstat- reassign- transferred kept_his kept_her remained_in unscathed
        untouched escaped_punishment protected_from_prosecution immune""",
    "find": """found find finds finding findings discover- uncover- detect- reveal- turned_up came_across encounter-
        yield- indication indications sign signs trace traces evidence suspicious amiss""",
    "lean": """rely relied relies relying reliance depend depended depends dependent dependence outsourc- left_to leaned
        leans leaning fell_to leaving_it burden""",
    "tie": """sponsorship kafala abscond- absconding tied tie ties bound release_letter exit_permit- exit_permits
        exit_visa exit_visas permission consent change_employers switch_employers no_objection""",
    "exempt": "exempt- except_for exception exceptions excluded exclude excludes excluding exclusion",
    "calamity": """war wars conflict conflicts coup coups drought- earthquake- epidemic- pandemic- hurricane-
        cyclone- flood- insurgen- disaster- crisis crises unrest fighting eruption- famine- outbreak- typhoon-
        takeover invasion""",
    "return": "return returned returning returns sent_back handed_back hand_over handed_over brought_back delivered",
    "staff": "staff staffed staffing vacanc- vacant posts employed employs inspectorate_had workforce roster",
    "punish": """punish- penaliz- jail- jailed detain- detained detention deport- expel- expuls- fine fined fines
        arrest- imprison- handcuff- flog- whipp- lash- custody incarcerat- cells charged charges charge""",
    "critic": """journalist- reporter- activist- witness witnesses researcher- whistleblow- lawyer- blogger- advocates
        advocate defender- critics critic""",
    "limit": """limited limits minimal minimally negligible inadequate- insufficient- inconsistent- uneven-
        unequal sporadic- ad_hoc scarce- scant weak weaker weakness- weakly poor poorly slow slowly slowness
        seldom rarely infrequent- hardly barely scarcely nominal partial- incomplete little few only mere-
        modestly lax deficien- shortage- shortcoming- gap gaps ineffective- inefficien- understaffed
        underfunded overstretched low lenient unclear vague ambiguous narrow outdated delay- slowed stalled
        backlog- problem- concern- hamper- hinder- impede- impedi- undermin- constrain- imped- obstacle-
        challeng- overburdened superficial- cursory unresolved pending unapproved lapsed""",
    "decline": """fewer less decreas- declin- dropped drop drops fell fallen falling reduc- diminish- cut cuts
        lower lowered worsen- deteriorat- downgrad- regress- weakened scaled shrank halved lesser curtail-
        discontinu- suspend- abandon- ceased stopped ended closed dismantl- lapse""",
    "increase": """increas- more improv- expand- strengthen- rose risen rising greater grew additional doubled
        tripled upgrad- significant significantly sustained continued maintained intensif- enhanc- extend-
        progress robust serious vigorous- considerabl- proactiv- steadily further higher new newly""",
    "adequate": """commensurate sufficient sufficiently stringent adequate adequately effective effectively
        fully meets met comprehensive consistent consistently systematic- deter regularly routinely
        generally strictly successful- compl-with complies""",
    "contrast": "but although though however despite while whereas nevertheless nonetheless yet except unless",
    # Not done yet: pledges, plans, proposals, recommendations.
    "modal": "should must would will could may might shall ought can",
    "plan": """plans planned planning intend- pledg- promis- propos- consider- expect- aim aims aimed vow- hop- bill
        bills upcoming forthcoming future draft drafts drafted drafting draft- urge- urged recommend- call_on
        called_on anticipated envisag- undertakes undertook_to intention- determination resolve resolved readiness
        willingness wish wishes wished hopes hoped aspir- someday eventually pledge announced_plans scheduled
        prospective proposal- promises commit_to committed_to seeks sought promised""",
    # Actors.
    "un_ngo": """ngo ngos nongovernmental non_governmental civil_society charity charities church churches iom ilo
        unicef un unodc unhcr osce observers observer union unions media press newspaper newspapers donor donors
        foundation foundations international_organization international_organizations volunteer- academics
        university experts monitors philanthrop- nuns missionaries nonprofit humanitarian rapporteur un_agencies
        interpol europol association associations federation""",
    "state": """government governments governmental authority authorities ministry ministries minister ministers
        police policing prosecutor prosecutors court courts judge judges judiciary judicial magistrate-
        tribunal- parliament parliamentary legislature lawmakers congress cabinet presidential president
        immigration embassy embassies consulate- consular inspectorate inspector inspectors municipal-
        governor governors federal department departments commission commissioner taskforce task_force
        regime junta customs border_guards border_police council councils senate assembly ombudsman
        ombudsperson attorney prosecutorial law_enforcement state states gendarmerie gendarmes constabulary
        coast_guard interagency inter_ministerial interministerial directorate secretariat bureau royal
        prime premier administration agency_officials public_prosecutor labor_officer- taliban""",
    "official": """official officials officer officers policeman policemen policewom- soldier soldiers military army
        navy troops guard guards guardsmen diplomat diplomats diplomatic politician- mayor mayors lawmaker
        legislator legislators deputy deputies ambassador- commander- general peacekeep- militia militias
        paramilitar- forces armed_forces security_forces chief chiefs bureaucrat- civil_servant- consul consuls
        attache warden wardens detective- sergeant colonel lieutenant captain minister- personnel employees_of
        councillor- councilor- senator- clerk clerks registrar- party cadre- wali intelligence-""",
    "trafficker": """trafficker traffickers recruiter recruiters broker brokers smuggler smugglers gang gangs
        syndicate- criminal_groups organized_crime pimp pimps madam madams exploiter- offender offenders
        perpetrator perpetrators suspect suspects defendant defendants ring rings middlem- intermediar- networks""",
    "private": """employer employers owner owners parents parent relative relatives family families landlord-
        company companies business businesses firm firms factory factories manager managers household households
        farmer farmers landowner- contractor- captains rebel rebels insurgent- extremist- armed_group
        armed_groups nonstate non_state operator- supervisor- teachers marabout- husband- boyfriend- client-
        tourist- contractors agents agent labor_brokers plantation- sponsors sponsor brothel brothels""",
    "victim": "victim victims survivor survivors complainant-",
    "people": """child children girl girls boy boys women woman men man minors minor worker workers laborer- migrant
        migrants refugee- adults adolescents persons people youth nationals citizens foreigners students student
        pupils pupil prisoner prisoners inmate- detainee- conscript- recruits returnee- fishermen fisher- crew
        seafarer- nurses doctors individuals servants servant asylum ethnic indigenous orphans displaced""",
    # Acts of a state against trafficking.
    "justice": """investigat- prosecut- convict- sentenc- indict- charging tried trial trials inquir- probe raid raids
        raided apprehend- extradit- seiz- court_case sanction- dismiss- appeal- guilty seized""",
    "care": """identif- refer referred referral referrals refers shelter shelters sheltered assist- care counsel-
        rehabilit- reintegrat- repatriat- compensat- restitution services service support- protect- rescu-
        medical psycholog- psychosoc- residence visa visas permit permits asylum legal_aid screen- aid
        housing housed accommodation released remov- withdr-""",
    "prevent": """train- campaign- hotline- awareness guideline- action_plan committee committees budget- fund funds
        funded funding allocat- inspect- cooperat- coordinat- plan strategy curricul- workshop- seminar- manual-
        brochure- poster- leaflet- outreach educat- monitor- licens- regist- research procedure- protocol protocols
        sop sops rapporteur partner- agreement- memorand- data database dissemin- operating_procedures""",
    "create": """adopt- establish- launch- enact- approv- ratif- sign signed signing open opened opens publish-
        issu- develop- creat- implement- provid- conduct- initiat- complet- amend- pass passed inaugurat-
        appoint- hire- assign- deploy- distribut- organiz- convene- held host- revis- updat- finaliz- introduc-
        institut- allocated ordered order instruct- report reported reports reporting collect- carried""",
    "law": """law laws legislation legislative statute statutes statutory code act acts constitution- article
        decree- penal ordinance- regulation regulations provision- criminaliz- prohibit- ban bans banned
        outlaw- forbid- forbade abolish- proscrib- prescrib- define- amendment""",
    "penalty": "penalt- imprisonment prison sentences years months fine_of punishable liable",
    "oversight": "enforc- implementation compliance inspectional responsible mandate- tasked",
    # Official wrongdoing and state-imposed labour.
    "complicity": """complic- corrupt- brib- collu- impunity extort- kickback- payoff- connive- conniv- condon-
        abet- protected_by tipped tip_off facilitat- turned_a overlook- embezzl- graft cover_up covered_up forg-
        falsif- fraudulent_documents""",
    "obstruct": """intimidat- harass- obstruct- block- barred bar_monitors threaten- sue sued suing interfer-
        pressur- warned warn silenc- smear- raided_the_offices deregister- destroyed disappear- vanish-""",
    "statelabor": """national_service military_service mobiliz- conscripted conscription conscript harvest- cotton
        quota quotas reeducation re_education labor_camp- labor_camps prison_labor labor_transfer compulsory_labor
        civic corvee state_farms state_owned communal_work community_work communal_labor child_soldier
        child_soldiers combat combatant- porters rehabilitation_center- drug_rehabilitation draftees
        medical_missions overseas_workers dispatched paramilitary enlist- enlisted military_conscription
        recruited_children used_children""",
    # Hardship and crime: what traffickers do.
    "exploit": """exploit- forc- coerc- compel- subject- enslav- slavery trafficked debt bondage bonded servitude
        begging beg prostitut- sexual- sex abuse- abused threaten- confiscat- passport- withhold- lur- deceiv-
        deception fraud- recruit- trick- coerce- unpaid nonpayment confine- beat beaten indebted peonage
        pornograph- violence assault- rape-""",
    "risk": """vulnerab- risk risks prone susceptible poverty impoverish- undocument- stateless- unemploy- rural
        transit destination source origin transported travel migrat- smuggl- cross-border""",
    "harm": "summar- criminal_record repatriated_without retraumatiz- stigmatiz- unscreened without_screening",
    "sector": """agricultur- construction domestic fishing mining mines mine garment textile- restaurant- bars hotel
        hotels nightclub- massage entertainment street streets vending farms farm herding quarr- kiln- brick
        timber logging plantations factories_and fisheries vessels vessel sugar cocoa tea coffee rice gold
        palm manufacturing hospitality cleaning scam online casinos casino compounds""",
    "verdict": "tier watch waiver minimum_standards standards effort efforts steps assessment watchlist",
    "report": """alleg- accus- claim- stated said according observed noted asserted acknowledg- admitt- express-
        estimated anecdotal credible reportedly complaint- testif-""",
}

CLASSES: Final[tuple[str, ...]] = tuple(_TABLE)

CUES: Final = ("neg", "limit", "decline", "increase", "modal", "plan", "adequate")
"""Scope cues: classes whose words modify the words that follow."""

MAX_SCOPE: Final = 7
"""Maximum scope of a cue, in tokens; it ends earlier at the end of the clause or the next cue of the class."""

SHIFTERS: Final = ("neg", "limit", "modal", "plan")
"""Polarity shifters: classes that change the meaning of a whole clause."""

ACTORS: Final = ("un_ngo", "state", "official", "trafficker", "private", "victim", "people")
"""Classes of actors."""

# Ordinary words that are also parts of place names: capitalised inside a sentence, they belong to the name.
GEOGRAPHIC: Final[frozenset[str]] = frozenset(
    """republic islands island north south east west northern southern eastern western central new united kingdom
    democratic people peoples saint st san santa states great upper lower federation federated emirates arab arabia
    coast ivory cape verde territory territories minor outlying isle ocean bay gulf river lake mount port city
    sea papua guinea bosnia holy see british french dutch american african virgin dominican hong kong sar
    sultanate commonwealth plurinational bolivarian islamic socialist hashemite duchy grand principality
    rica leone sierra costa salvador lanka marino turkey china jordan chad mali niger georgia man dem rep
    turks caicos cook heard keeling""".split()
)

# Verbs that open a recommendation: a sentence that begins with one requests an act, it does not report one.
IMPERATIVES: Final[frozenset[str]] = frozenset(
    """abolish accede adopt allocate allow amend appoint approve arrest assess assign assist bring broaden build
    bolster cease clarify close collaborate collect combat complete conduct consider continue convict cooperate
    coordinate create criminalize dedicate define delay deploy designate develop devote direct discontinue dismantle
    disseminate distinguish eliminate empower enable encourage end enforce engage enhance enact ensure equip
    eradicate establish exempt expand expedite explore extend facilitate finalize follow formalize foster free fully
    fund give grant guarantee guide halt hire hold identify impose implement improve include incorporate increase
    inform initiate inspect institute institutionalize intensify introduce investigate issue join keep launch
    license lift maintain make mandate meet monitor move offer open order organize penalize permit place prepare
    prevent prioritize proceed produce prohibit promote promulgate prosecute protect provide publicize publish
    punish pursue raise ratify reach recognize recruit redouble reduce refer reform refrain register regulate
    reinforce release remove repeal replace report require resume review revise safeguard sanction screen seek
    sentence set share sign speed staff standardize step stop strengthen submit support suspend sustain take target
    tighten track train transfer translate treat undertake update upgrade use work""".split()
)


def _parse() -> tuple[dict[str, int], dict[str, int], dict[tuple[str, str], int]]:
    """Return the class numbers of words, prefixes and two-word entries."""
    words: dict[str, int] = {}
    stems: dict[str, int] = {}
    phrases: dict[tuple[str, str], int] = {}
    for number, entries in enumerate(_TABLE.values(), 1):
        for entry in entries.split():
            first, joined, second = entry.partition("_")
            if joined:
                phrases.setdefault((first, second), number)
            elif entry.endswith("-"):
                stems.setdefault(entry[:-1], number)
            else:
                words.setdefault(entry, number)
    return words, stems, phrases


_WORDS, _STEMS, PHRASES = _parse()
_LONGEST: Final = max(map(len, _STEMS))


def class_of(word: str) -> int:
    """Return the class number of a lower-case word: 1 for ``CLASSES[0]`` and so on, 0 for none.

    >>> CLASSES[class_of("investigations") - 1], class_of("the")
    ('justice', 0)
    """
    if word in _WORDS:
        return _WORDS[word]
    beginnings = (word[:length] for length in range(min(len(word), _LONGEST), 2, -1))
    return next((_STEMS[beginning] for beginning in beginnings if beginning in _STEMS), 0)
