"""Disagreements under way in these days: at least one at each stage, so that everybody's desk is alive."""

from __future__ import annotations

from typing import Any

from demo.people import Northshire
from demo.story import Days, Story, draft
from escalation.moves import NewChild


def tell(north: Northshire, days: Days) -> list[Story]:
    """Every live or lately ended disagreement, and the drafts."""
    drafts(north, days)
    return [case(north, days) for case in CASES]


def drafts(north: Northshire, days: Days) -> None:
    """Recognition: private (23.12). One is shared with a colleague, one has only been begun."""
    answers = {
        "right-procedure": {"typed": {"procedure": "none"}, "done": True},
        "children": {
            "typed": {
                "pseudonym_1": "Lark",
                "age_band_1": "5_10",
                "reference_1": "HL-0433",
                "child_says": "“I don’t want to go to Dad’s.”",
            },
            "done": True,
        },
        "what": {
            "typed": {
                "decision": "The review meeting ended without anyone taking on the question of contact at weekends.",
                "category": "roles_and_responsibilities",
            },
            "done": True,
        },
        "why": {
            "typed": {"why_unsafe": "On Mondays Lark is silent and wets herself. It started when weekend contact began."},
            "done": False,
        },
    }
    draft(north, "aisha.khan", days.ago(1, "15:20"), days.lately(50), answers, "zoe.price")
    begun = {"right-procedure": {"typed": {"procedure": "none"}, "done": True}}
    draft(north, "bea.sharma", days.ago(1, "16:05"), days.ago(1, "16:12"), begun)


def just_raised(north: Northshire, days: Days) -> Story:
    return Story(north).send(
        days.lately(35),
        "aisha.khan",
        "sam.reid",
        category="communication",
        children=[NewChild("Finch", "5_10", "HL-0398")],
        decision="We learned from Finch’s mother, not from you, that his case was closed two weeks ago.",
        why_unsafe="We were watching for signs that we thought someone would act on. For two weeks nobody would have.",
        outcome_wanted="Tell us in writing why it closed and what would open it again, and review whether closing was right.",
    )


def answered(north: Northshire, days: Days) -> Story:
    """Between practitioners: Aisha says what next."""
    story = Story(north).send(
        days.ago(1, "09:15"),
        "aisha.khan",
        "tessa.quinn",
        category="thresholds",
        children=[NewChild("Heron", "5_10", "HL-0402")],
        decision="Heron’s referral was passed to early help without anybody speaking to him.",
        why_unsafe="He told our learning mentor that he looks after his two small sisters at night while his mother works.",
        outcome_wanted="A social worker talks with Heron alone before anybody decides what kind of help fits.",
        child_says="“I’m not tired because I stay up. I’m tired because the baby does.”",
    )
    story.move(days.ago(1, "10:40"), "tessa.quinn", "match_child", references={1: "CSC-21417"})
    story.move(
        days.ago(1, "15:55"),
        "tessa.quinn",
        "answer",
        view="I understand the worry. From the referral I read tiredness and lateness, and early help can start within a week.",
        reasons="The night-time caring was not in the referral. It changes the picture, though not yet the threshold.",
        offer="I can ask the early help worker to see Heron at school on Thursday and come back to me the same day.",
    )
    return story


def waiting_for_confirmation(north: Northshire, days: Days) -> Story:
    story = Story(north).send(
        days.ago(1, "09:05"),
        "aisha.khan",
        "sam.reid",
        category="need_for_action",
        children=[NewChild("Teal", "5_10", "HL-0411")],
        decision="No one was going to tell Teal’s new school about the concerns until she has started there.",
        why_unsafe="She moves on Monday. In the gap between two schools nobody would be looking out for her.",
        outcome_wanted="The new school hears from you before Monday, and Teal has a named person there on her first day.",
    )
    story.move(days.ago(1, "09:40"), "sam.reid", "match_child", references={1: "CSC-20077"})
    story.move(
        days.ago(1, "11:30"),
        "sam.reid",
        "record_discussion",
        facts={"how": "phone"},
        happened_at=days.ago(1, "11:10"),
        child_safe="yes",
        who="Aisha Khan and Sam Reid",
        said="Sam had believed that the school tells the next school. Aisha explained what we may pass on and what needs your word.",
    )
    story.move(
        days.ago(1, "14:25"),
        "sam.reid",
        "propose_outcome",
        child_safe="yes",
        outcome="I ring the new school’s safeguarding lead tomorrow and send a summary the same day. Aisha sends the school file by hand.",
        issue_1="Hear from the new school how Teal’s first week went",
        facts={
            "issues": [
                {
                    "owner_side": str(story.side().pk),
                    "owner": str(north.people["sam.reid"].pk),
                    "due_on": days.calendar.add_working_days(days.now.date(), 8).isoformat(),
                }
            ]
        },
    )
    return story


def overdue(north: Northshire, days: Days) -> Story:
    """Nobody answered in time: the clock noticed, and both line managers were told."""
    story = Story(north).send(
        days.ago(5, "10:20"),
        "aisha.khan",
        "sam.reid",
        category="thresholds",
        children=[NewChild("Wick", "5_10", "HL-0420"), NewChild("Tarn", "5_10", "HL-0421")],
        decision="Our second referral about the twins was recorded as information only.",
        why_unsafe="Both came in with the same story about a bruise, told in the same words, and would not be asked about it alone.",
        outcome_wanted="A strategy discussion, or a clear reason in writing why there is none.",
    )
    story.move(days.ago(5, "13:15"), "sam.reid", "match_child", references={1: "CSC-21190", 2: "CSC-21191"})
    return story


def cannot_tell(north: Northshire, days: Days) -> Story:
    """The other side cannot tell which child it is: the police say how."""
    story = Story(north).send(
        days.ago(1, "11:30"),
        "ben.cole",
        "sam.reid",
        category="communication",
        children=[NewChild("Linnet", "11_15", "PP-7740")],
        decision="Three of our notifications about this girl have had no reply.",
        why_unsafe="She has been found with the same adult twice in a month, late at night, in a car park.",
        outcome_wanted="Somebody with her history rings me, so that we plan for the next time together.",
    )
    story.move(
        days.ago(1, "14:45"),
        "sam.reid",
        "cannot_tell_which_child",
        missing="We have two girls of this age with notifications this month. Please give us the number of one of your notifications.",
    )
    return story


def at_line_managers(north: Northshire, days: Days) -> Story:
    """Mona answers Grace."""
    story = Story(north).send(
        days.ago(4, "09:50"),
        "zoe.price",
        "tessa.quinn",
        category="need_for_action",
        children=[NewChild("Sorrel", "1_4", "HL-N112")],
        decision="The visit that was promised for last week has not taken place, and no new date is set.",
        why_unsafe="Her stepfather is back in the home. She is four and cannot tell us what happens there.",
        outcome_wanted="A visit this week, unannounced, with Sorrel seen on her own.",
    )
    story.move(days.ago(4, "11:35"), "tessa.quinn", "match_child", references={1: "CSC-20655"})
    story.move(
        days.ago(3, "15:10"),
        "tessa.quinn",
        "answer",
        view="A visit is needed. I cannot promise it this week.",
        reasons="Two of us are covering five people’s work, and younger children come first.",
        offer="Next Wednesday, and a telephone call to her mother today.",
    )
    story.move(
        days.ago(2, "09:25"),
        "zoe.price",
        "refer_to_line_manager",
        unresolved="Next Wednesday is too long for a child of four. It is about staff, not about Tessa, so our managers should settle it.",
    )
    story.move(
        days.ago(1, "12:10"),
        "grace.obi",
        "add_note",
        facts={"about": "other"},
        note="Nursery staff see Sorrel every day until the visit and ring me at once if anything changes.",
    )
    return story


def line_manager_decides(north: Northshire, days: Days) -> Story:
    """Mona has answered; Grace agrees, or takes it up the line."""
    story = Story(north).send(
        days.ago(5, "10:45"),
        "aisha.khan",
        "tessa.quinn",
        category="roles_and_responsibilities",
        children=[NewChild("Merle", "11_15", "HL-0377")],
        decision="We were asked to tell Merle’s father that he may not collect him. That is for the agency that set the safety plan.",
        why_unsafe="Our office staff cannot turn a frightening man away at the gate, and Merle has to watch them try.",
        outcome_wanted="A social worker tells the father, and we are told when that has happened.",
    )
    story.move(days.ago(5, "14:00"), "tessa.quinn", "match_child", references={1: "CSC-19804"})
    story.move(
        days.ago(4, "11:20"),
        "tessa.quinn",
        "answer",
        view="The school sees the father every day; we do not.",
        reasons="A letter would take a week to reach him, and he does not answer the telephone.",
    )
    story.move(
        days.ago(4, "15:40"),
        "aisha.khan",
        "refer_to_line_manager",
        unresolved="Whose task this is cannot be settled between the two of us.",
    )
    story.move(
        days.ago(1, "16:15"),
        "mona.lewis",
        "answer",
        child_safe="yes",
        view="Telling him is ours. I am sorry that it was put to your office staff.",
        reasons="The safety plan names us for it. We asked because you see him, and did not think what that means for Merle.",
        offer="A social worker meets him on Monday. Until then, could a senior member of staff be at the gate?",
    )
    return story


def up_the_line(north: Northshire, days: Days) -> Story:
    """Hal answers Ian."""
    story = _to_the_seniors(
        north,
        days,
        NewChild("Rowan", "5_10", "HL-0388"),
        first=9,
        decision="Rowan’s assessment closed after one telephone call.",
        why_unsafe="His mother answered the call with her partner beside her. Rowan says that the partner hits both of them.",
        outcome_wanted="The assessment is opened again and somebody speaks with his mother in a safe place.",
    )
    story.move(
        days.ago(3, "10:30"),
        "grace.obi",
        "pass_up_the_line",
        unresolved="Mona and I have each said what we can. Whether a call is enough is a question about how the service works.",
    )
    return story


def senior_decides(north: Northshire, days: Days) -> Story:
    """Hal has answered; Ian agrees, or asks the Chair."""
    story = _to_the_seniors(
        north,
        days,
        NewChild("Bryony", "5_10", "HL-0361"),
        first=10,
        decision="No social worker will come to Bryony’s meeting at school because her plan is held by another team.",
        why_unsafe="Three agencies make three plans. Bryony has told her story four times and asks when somebody will do something.",
        outcome_wanted="One plan, one lead worker, and that worker at the table.",
    )
    story.move(days.ago(4, "09:40"), "grace.obi", "pass_up_the_line", unresolved="This needs somebody who can decide for both teams.")
    story.move(
        days.ago(2, "13:30"),
        "ian.marsh",
        "record_discussion",
        facts={"how": "video"},
        happened_at=days.ago(2, "12:45"),
        who="Ian Marsh and Hal Bright",
        said="We agree about one plan. We differ about who leads it until the other team has a vacancy filled.",
    )
    story.move(
        days.ago(1, "11:45"),
        "hal.bright",
        "answer",
        view="One plan is right, and I will see that somebody comes to the next meeting.",
        reasons="I cannot name the lead worker before the new post is filled in three weeks.",
        offer="Until then Mona chairs the meeting herself.",
    )
    return story


def _to_the_seniors(north: Northshire, days: Days, child: NewChild, *, first: int, **words: Any) -> Story:
    """Raised by Aisha `first` working days ago, answered, referred, and answered again by the line managers."""
    story = Story(north).send(days.ago(first, "09:35"), "aisha.khan", "sam.reid", category="need_for_action", children=[child], **words)
    story.move(days.ago(first, "12:20"), "sam.reid", "match_child", references={1: "CSC-2" + child.reference[-4:]})
    story.move(
        days.ago(first - 1, "14:10"),
        "sam.reid",
        "answer",
        view="I see why you are worried. On what we had that day the decision was in line with our guidance.",
        reasons="There was no new information after the first contact, and the family had agreed to early help.",
    )
    story.move(
        days.ago(first - 2, "10:05"), "aisha.khan", "refer_to_line_manager", unresolved="We talked twice and still see it differently."
    )
    story.move(
        days.ago(first - 4, "15:30"),
        "mona.lewis",
        "answer",
        view="I have read the file again and stand by the decision, though not by how we told you.",
        reasons="Nothing in it points to harm that early help cannot reach. You should have heard that from us and not from the family.",
        offer="I will ring the school myself in two weeks.",
    )
    return story


def chair_asked(north: Northshire, days: Days) -> Story:
    """The Chair accepts, or declines with reasons."""
    story = Story(north).send(
        days.ago(15, "10:10"),
        "kate.lowe",
        "priya.nair",
        category="need_for_action",
        children=[NewChild("Baby of Iris", "unborn", "MW-0872")],
        decision="The request for a conference before the birth was refused.",
        why_unsafe="Two older children live away from home. The baby is due in five weeks and there is no plan for the first night.",
        outcome_wanted="A conference before the birth, so that the plan stands when Iris comes in.",
        consulted="Fay Grant, named midwife, has read the file with me.",
        facts={"supporters": [str(north.posts["fay.grant"].pk)]},
    )
    story.move(days.ago(15, "13:00"), "priya.nair", "match_child", references={1: "CSC-21008"})
    story.move(
        days.ago(14, "11:40"),
        "priya.nair",
        "answer",
        view="Iris has done everything that was asked of her. A conference now would undo that.",
        reasons="Her new assessment is good, and she has stayed away from the man who harmed the older children.",
    )
    story.move(
        days.ago(13, "09:20"),
        "kate.lowe",
        "refer_to_line_manager",
        unresolved="We respect each other’s view and cannot bring them together.",
    )
    story.move(
        days.ago(10, "14:50"),
        "dawn.fletcher",
        "answer",
        view="I support Priya’s view, and would hold a planning meeting instead.",
        reasons="A meeting can make the same plan without the weight of a conference.",
    )
    story.move(days.ago(9, "10:30"), "jan.price", "pass_up_the_line", unresolved="A meeting has no plan that binds the ward at night.")
    story.move(
        days.ago(5, "16:00"),
        "ruth.adeyemi",
        "answer",
        view="I would not convene a conference today. I would look again when the assessment is complete.",
        reasons="The assessment is due in three weeks. Deciding before it would be deciding without it.",
    )
    story.move(
        days.ago(2, "11:15"),
        "sue.tan",
        "ask_the_chair",
        our_position="Three weeks is too late for a baby who may come early. We ask for help to find what both services can live with.",
        would_accept="A first visit next week by anybody who can plan, and the full assessment when you can.",
    )
    return story


def session_to_come(north: Northshire, days: Days) -> Story:
    """The Chair has accepted and named a mediator; a joint session has a date, and each side has written in private."""
    story = Story(north).send(
        days.ago(19, "09:30"),
        "ben.cole",
        "maya.lind",
        category="communication",
        children=[NewChild("Jay", "11_15", "PP-7311")],
        decision="We asked for the risk plan for Jay and were told that it could not be shared without his consent.",
        why_unsafe="When he goes missing at night our officers look for him without knowing what he may do to himself.",
        outcome_wanted="The parts of the plan that an officer needs at three in the morning, on our system.",
    )
    story.move(days.ago(19, "12:15"), "maya.lind", "match_child", references={1: "CM-5520"})
    story.move(
        days.ago(18, "10:50"),
        "maya.lind",
        "answer",
        view="Jay trusts us because we keep what he tells us. If that goes, he will tell nobody.",
        reasons="He said no when I asked him, and he understands what that means.",
        offer="I will ask him again with his aunt, next week.",
    )
    story.move(
        days.ago(17, "13:40"),
        "ben.cole",
        "refer_to_line_manager",
        unresolved="Next week may be too late, and I cannot ask Maya to break her word.",
    )
    story.move(
        days.ago(14, "15:20"),
        "paul.grey",
        "answer",
        view="We would share in an emergency, and have done so by telephone.",
        reasons="A plan on a police system stays there. We have no agreement that says who reads it.",
    )
    story.move(days.ago(13, "09:45"), "lena.frost", "pass_up_the_line", unresolved="There is nobody to telephone at three in the morning.")
    story.move(
        days.ago(10, "11:25"),
        "carys.bevan",
        "answer",
        view="I see the gap at night. I do not think that sharing the whole plan closes it.",
        reasons="Half of it is about his family. What an officer needs fits on one page.",
    )
    story.move(
        days.ago(8, "10:00"),
        "omar.haddad",
        "ask_the_chair",
        our_position="We agree that one page would do. We do not agree who writes it, who holds it, and whether Jay’s no ends the matter.",
        would_accept="One page that you write and keep up to date, and that our control room may open when he is missing.",
    )
    story.move(
        days.ago(6, "09:40"),
        "carys.bevan",
        "answer_the_chair",
        answer="We would write the page with Jay, not about him. What he strikes out stays out.",
        would_accept="That our duty telephone reads it out at night, until he agrees to more.",
    )
    story.move(
        days.ago(4, "14:15"),
        "margaret.ellis",
        "accept_mediation",
        offer="I offer an hour with both services, and suggest that each brings the one page they would write.",
    )
    story.move(
        days.ago(3, "10:20"),
        "margaret.ellis",
        "name_mediator",
        facts={"person": str(north.people["david.osborne"].pk)},
        no_stake="He has worked with neither service since 2015 and does not know the family. I asked both sides, and neither minds.",
    )
    story.private(
        days.ago(3, "11:10"),
        "omar.haddad",
        "raising",
        "What I will not say in the room: two of my officers blame themselves for the night in August. They need to hear that a plan "
        "exists more than they need to hold it.",
    )
    ahead = [days.ahead(1, "14:00"), days.ahead(2, "10:00")]
    proposed = story.move(
        days.ago(3, "13:30"),
        "david.osborne",
        "propose_session",
        facts={"dates": [date.isoformat() for date in ahead], "minutes": 90, "people": [str(north.people["david.osborne"].pk)]},
        place="Meeting room 2, County Hall, or by video: the link comes from the partnership’s office",
        agenda=(
            "1. How Jay is now, and what he says\n2. What an officer needs at three in the morning\n"
            "3. Each service shows its one page\n4. What can be agreed, and what is still to be done by whom"
        ),
    )
    story.private(
        days.ago(2, "09:20"),
        "carys.bevan",
        "responding",
        "Between us: Jay’s aunt has told us that he might agree if Maya asks him and no one in uniform is there. We would like to try "
        "before the session.",
    )
    story.private(days.ago(2, "10:05"), "david.osborne", "responding", "Please do. I will not mention it unless you say that I may.")
    story.private(
        days.ago(2, "10:15"),
        "david.osborne",
        "raising",
        "Thank you for telling me. May I say in the room that your officers carry this, without saying which night?",
    )
    story.move(
        days.ago(2, "11:05"),
        "omar.haddad",
        "answer_session",
        facts={
            "session": str(proposed.pk),
            "dates": [date.isoformat() for date in ahead],
            "people": [str(north.people[one].pk) for one in ("omar.haddad", "ben.cole")],
        },
    )
    story.move(
        days.ago(1, "15:40"),
        "carys.bevan",
        "answer_session",
        facts={
            "session": str(proposed.pk),
            "dates": [ahead[0].isoformat()],
            "people": [str(north.people[one].pk) for one in ("carys.bevan", "maya.lind")],
        },
        note="Maya needs a room with a door to the corridor: she is on call.",
    )
    return story


def immediate_risk(north: Northshire, days: Days) -> Story:
    """Emergency action first (23.5); then straight to the line managers (23.13)."""
    story = Story(north).send(
        days.lately(55),
        "bea.sharma",
        "tessa.quinn",
        category="need_for_action",
        children=[NewChild("Kit", "under_1", "HV-4102")],
        child_safe="no",
        facts={"at_immediate_risk": True, "start_higher": True},
        decision="I was told that nobody could visit before Monday.",
        why_unsafe="Kit has lost weight for the third week and did not follow my finger today. His father says that he is lazy.",
        outcome_wanted="Kit is seen by a doctor today, and somebody is with the family when they hear the result.",
        done_first="I rang 999 first and then the front door. Kit is in hospital, and I am with his mother.",
        higher_reason="The ward will want to send him home tonight. That cannot wait two days for an answer.",
    )
    story.move(
        days.lately(35),
        "rita.osei",
        "record_discussion",
        facts={"how": "phone"},
        happened_at=days.lately(45),
        child_safe="unsure",
        who="Rita Osei and Mona Lewis",
        said="Mona is finding out who is on duty tonight. We agreed that the ward does not discharge before she has rung back.",
    )
    return story


def manager_away(north: Northshire, days: Days) -> Story:
    """Dawn is away; Joe stands in for her and has the move."""
    story = Story(north).send(
        days.ago(4, "11:10"),
        "nell.doyle",
        "priya.nair",
        category="need_for_action",
        children=[NewChild("Clover", "1_4", "HV-3650")],
        decision="Contact with the father goes on, although Clover comes back from it with a wet nappy from the morning and no coat.",
        why_unsafe="She is two. It is not a matter of tidiness: she was cold enough to be checked by our nurse.",
        outcome_wanted="Contact is watched by somebody for the next four times, and then decided again.",
    )
    story.move(days.ago(4, "14:20"), "priya.nair", "match_child", references={1: "CSC-20833"})
    story.move(
        days.ago(3, "10:15"),
        "priya.nair",
        "answer",
        view="He is a young father who was never shown how. I would rather teach him than watch him.",
        reasons="The parenting worker begins with him in two weeks.",
    )
    story.move(
        days.ago(1, "15:05"),
        "nell.doyle",
        "refer_to_line_manager",
        unresolved="I like the plan to teach him. Two weeks without it are what worries me.",
    )
    return story


def with_the_surgery(north: Northshire, days: Days) -> Story:
    """The surgery is not on the system: what they say is recorded for them, and the office countersigns."""
    story = Story(north).send(
        days.ago(1, "09:25"),
        "nell.doyle",
        "mill.street.surgery",
        category="communication",
        children=[NewChild("Juniper", "1_4", "HV-3127")],
        decision="Juniper was taken off the list of children who are discussed each month, and we were not told.",
        why_unsafe="She has missed three appointments for her asthma, and the next attack may be the one that nobody hears of.",
        outcome_wanted="She is back on the list, and a missed appointment is passed to us the same day.",
    )
    surgery = story.side()
    story.move(
        days.ago(1, "12:30"),
        "nell.doyle",
        "record_answer_for",
        recorded_for=surgery.pk,
        happened_at=days.ago(1, "12:10"),
        references={1: "MSS-118"},
        child_safe="yes",
        facts={"source": "phone"},
        document="Health visiting record HV-3127, note of the call",
        view="It was not meant. The list was rebuilt when the practice changed its computer system.",
        reasons="Dr Hart found that eleven children had dropped out in the move.",
    )
    story.move(
        days.ago(1, "13:15"),
        "nell.doyle",
        "propose_outcome",
        child_safe="yes",
        outcome="All eleven children are back on the list by Friday. Missed appointments for children under five reach us the same day.",
    )
    story.move(
        days.ago(1, "16:20"),
        "nell.doyle",
        "record_confirmation_for",
        recorded_for=surgery.pk,
        happened_at=days.ago(1, "15:50"),
        child_safe="yes",
        facts={"source": "letter"},
        who_confirmed="The practice manager, in a letter that Dr Hart has signed too",
        document="Health visiting record HV-3127, scanned letter",
    )
    return story


def closed_without_agreement(north: Northshire, days: Days) -> Story:
    """Mediation was held and both still differ; the worry that remains has a channel (23.11)."""
    story = Story(north).send(
        days.ago(29, "10:40"),
        "maya.lind",
        "priya.nair",
        category="need_for_action",
        children=[NewChild("Skye", "11_15", "CM-5417")],
        decision="Skye is to go back to live with her mother at the end of the month.",
        why_unsafe="In her sessions she falls silent whenever that is spoken of. The last time she lived there she hurt herself twice.",
        outcome_wanted="She stays with her grandmother until the end of the school year.",
        child_says="“I’ll go if I have to.”",
    )
    story.move(days.ago(29, "15:00"), "priya.nair", "match_child", references={1: "CSC-19377"})
    story.move(
        days.ago(28, "09:55"),
        "priya.nair",
        "answer",
        view="Skye tells me that she misses her mother. Both can be true.",
        reasons="Her mother has been well for eight months, and her grandmother says that she can no longer manage.",
    )
    story.move(days.ago(27, "11:30"), "maya.lind", "refer_to_line_manager", unresolved="We hear two different things from the same girl.")
    story.move(
        days.ago(24, "14:35"),
        "dawn.fletcher",
        "answer",
        view="We will go slowly, with weekends first.",
        reasons="It is what Skye asked us for.",
    )
    story.move(days.ago(23, "10:20"), "paul.grey", "pass_up_the_line", unresolved="Weekends first is still going back.")
    story.move(
        days.ago(20, "13:10"),
        "ruth.adeyemi",
        "answer",
        view="The plan stands, with a review after each weekend.",
        reasons="There is no longer a safe alternative that the family accepts.",
    )
    story.move(
        days.ago(18, "09:15"),
        "carys.bevan",
        "ask_the_chair",
        our_position="We do not say that she must not go home. We say that nobody has heard from her what she is afraid of.",
    )
    story.move(
        days.ago(15, "11:00"), "margaret.ellis", "accept_mediation", offer="I offer to meet both of you, and ask for a week to read."
    )
    story.move(
        days.ago(9, "15:45"),
        "margaret.ellis",
        "record_mediation",
        happened_at=days.ago(9, "14:00"),
        attended="Carys Bevan and Maya Lind, Ruth Adeyemi and Priya Nair, with me.",
        mediation=(
            "Both services agree that Skye needs somebody of her own to speak for her, and have asked for an advocate. On where she lives "
            "until then they do not agree, and each has said so with care."
        ),
    )
    story.move(
        days.ago(7, "10:10"),
        "ruth.adeyemi",
        "agree_to_differ",
        child_safe="yes",
        facts={"still_at_risk": False},
        position="Skye goes home by stages. We review with her after each weekend and stop if she asks us to.",
    )
    story.move(
        days.ago(6, "12:45"),
        "carys.bevan",
        "agree_to_differ",
        facts={"still_at_risk": True, "channel": "The safeguarding lead of the agency where the concern is held"},
        position="We would wait for the advocate. We will go on seeing Skye every week and tell her social worker what she lets us tell.",
    )
    story.move(
        days.ago(6, "14:30"),
        "maya.lind",
        "say_still_at_risk",
        facts={"still_at_risk": True, "channel": "The safeguarding lead of the agency where the concern is held"},
        concern="I still believe that she may hurt herself in the first weeks at home. Our safeguarding lead follows it with her school.",
    )
    return story


def withdrawn(north: Northshire, days: Days) -> Story:
    story = Story(north).send(
        days.ago(8, "13:30"),
        "bea.sharma",
        "joe.walsh",
        category="communication",
        children=[NewChild("Moss", "1_4", "HV-3999")],
        decision="I was not asked to the core group.",
        why_unsafe="I am the only one who sees Moss at home every week.",
        outcome_wanted="I am asked to each core group, with a date that I can keep.",
    )
    story.move(days.ago(8, "15:10"), "joe.walsh", "match_child", child_safe="yes", references={1: "CSC-20404"})
    story.move(
        days.ago(7, "11:20"),
        "bea.sharma",
        "withdraw",
        child_safe="yes",
        reason="The invitation had gone to my old address. Joe rang at once and moved the meeting so that I can come.",
    )
    return story


def redirected(north: Northshire, days: Days) -> Story:
    story = Story(north).send(
        days.ago(11, "14:05"),
        "lena.frost",
        "joe.walsh",
        category="other",
        children=[NewChild("Bramble", "11_15", "PP-7502")],
        decision="The conference decided against a plan, and our view is not in its record.",
        why_unsafe="Whoever reads the record later will think that everybody agreed.",
        outcome_wanted="Our dissent is written down with its reasons.",
    )
    story.move(
        days.ago(10, "10:35"),
        "lena.frost",
        "redirect",
        child_safe="yes",
        facts={"procedure": "conference_dissent"},
        where="To the conference chair, who was told today.",
        reason="This is dissent from a conference. It has a procedure of its own.",
    )
    return story


CASES = (
    closed_without_agreement,
    session_to_come,
    chair_asked,
    senior_decides,
    redirected,
    up_the_line,
    withdrawn,
    line_manager_decides,
    overdue,
    at_line_managers,
    manager_away,
    with_the_surgery,
    waiting_for_confirmation,
    answered,
    cannot_tell,
    immediate_risk,
    just_raised,
)
