"""The certificate: which answers a worker may deliver alone, at an error rate that holds at every moment.

Allowed error α among delivered cases, confidence 1 − δ. Thresholds q₁ > q₂ > … on the score are tested in a fixed
sequence, each by an e-process that is worth at most 1 on average as long as the error above its threshold is at least
α; the worker delivers above the most permissive threshold that has passed 1/δ. Labels come from people who answer
escalated cases, and from random audits of delivered ones, weighted by one over the probability of being seen. The
proof, step by step with each assumption, stands in docs/explanation/autonomy.md.

Two e-processes are averaged for each threshold q. The *even* one bets the same on all scores above q; once anything is
delivered, and seen with the audit rate a only, that bet is at most a/(1 − α). The *eager* one bets a/(1 − α) on what is
delivered and 1/(1 − α) on what lies between q and the threshold in force, all of which is escalated and seen. At the
first threshold in the sequence whose claim is false, all claims before it are true: the error of what is delivered
is at most α, so that of the rest is at least α, and then a bet that is larger on the rest is fair game as well. That
is what makes it valid, and it is where this goes beyond conformal selective acting (arXiv 2605.20270), which tests each
threshold with the even one alone. Bets never depend on the score in any other way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from journeyman.assess.rule import Rule, Settled
from journeyman.assess.wealth import (
    GUESSES,
    NO_ALARM,
    Wealth,
    begun_anew,
    bet_factors,
    less,
    over,
    plus,
    times,
    watch_factor,
    watch_factors,
)
from journeyman.types import Decision, Held

STEPS = 24
"""Thresholds in the sequence, from the start to delivering everything."""


Watched = tuple[int, Wealth]
"""The place of an audited case, and what of today's alarm was there when it had been looked at, for each guess."""

RECENT = 50
"""Audited cases whose late label can still change the alarm: the last ones."""

SUSPICION = 0.9
"""The guess by which it is suspected that the error has risen."""


@dataclass(frozen=True)
class Level:
    """One threshold with the wealth of its bets, one for each guess."""

    threshold: float
    even: tuple[float, ...]
    eager: tuple[float, ...]
    passed: bool = False

    @property
    def evidence(self) -> float:
        wealth = sum(self.even) + sum(self.eager)
        return wealth / (2 * len(GUESSES))


@dataclass(frozen=True)
class Certificate:
    """What is proven so far. A value: each settled case gives a new one, and the same cases give the same, bit by bit.

    Cases must be settled in the order in which they were decided. A label that is late holds up those behind it; so
    nothing rests on when labels come, even if wrong answers are noticed later than right ones.
    """

    rule: Rule
    levels: tuple[Level, ...]
    epoch: int = 1
    """One more each time that autonomy was taken away; each has its own share of δ."""
    alarm: tuple[float, ...] = NO_ALARM
    """The mirrored detector: wealth of bets that the error of what is delivered is above α, one for each guess."""
    looked: int = 0
    """Audited deliveries since the alarm began."""
    recent: tuple[Watched, ...] = ()
    """The last of them, where labels may come late."""
    suspicion: float = 1.0
    """Above 1 since an error was seen among the delivered, until right ones have outweighed it (a CUSUM)."""

    @classmethod
    def plan(cls, rule: Rule, scores: Sequence[float], errors: Sequence[float] = ()) -> Self:
        """The sequence for scores like these. `errors` (0 to 1, labels or expected ones) say where to start.

        Both must come from elsewhere than the cases that the certificate is then fed: it is planned once, before. The
        start is the threshold at which evidence is expected to grow fastest; without any error above it worth a bet, it
        is the best tenth of the scores.
        """
        sequence = thresholds(rule, scores, errors)
        levels = map(_level, sequence)
        return cls(
            rule=rule,
            levels=tuple(levels),
        )

    @property
    def passed(self) -> int:
        """How many levels, from the start without a gap."""
        for count, level in enumerate(self.levels):
            if not level.passed:
                return count
        return len(self.levels)

    @property
    def threshold(self) -> float | None:
        """The one in force. None: nothing is delivered."""
        passed = self.passed
        if not passed:
            return None
        last = self.levels[passed - 1]
        return last.threshold

    @property
    def bar(self) -> float:
        """What a level's evidence must reach: 1/δ, with δ divided over the epochs by 6/(π²k²)."""
        share_of_epoch = (math.pi * self.epoch) ** 2 / 6
        delta = 1 - self.rule.confidence
        return share_of_epoch / delta

    def decide(
        self,
        score: float | None,
        draw: float,
        held: Held | None = None,
        *,
        closely: bool = False,
    ) -> Decision:
        """Deliver a score that reaches the threshold in force; `draw` in [0, 1) decides about the audit.

        `held`: why nothing is delivered now, whatever its score. `closely`: everything that is delivered is audited.
        """
        rate = 1.0 if closely else self.rule.base_rate
        known = known_score(score)
        threshold = self.threshold
        reaches = known is not None and threshold is not None and known >= threshold
        deliver = reaches and held is None
        propensity = rate if deliver else 1.0
        return Decision(
            score=known,
            threshold=threshold,
            deliver=deliver,
            audit=draw < propensity,
            propensity=propensity,
            held=held,
        )

    def after(self, settled: Settled) -> Self:
        """What is proven with one more case, the next in the order of decisions.

        Raises ValueError where an audit was due and its label is missing, and not bounded: the case is not settled.
        """
        decision = settled.decision
        is_audited = decision.score is not None and decision.audit
        if not is_audited:
            return self
        if settled.error is None and not settled.bounded:
            raise ValueError("an audited case without its label is not settled")
        wrong = settled.counts_as_wrong
        if not settled.watched or self.threshold is None:
            return self._bet(decision, wrong)
        watched = self._watched(settled)
        if watched.alarm_evidence >= self.bar:
            return watched._revoked()
        return watched._bet(decision, wrong)

    def _bet(self, decision: Decision, error: bool) -> Self:
        levels: list[Level] = []
        for level in self.levels:
            settled = _bet(level, self.rule, decision, error)
            if not settled.passed and settled.evidence >= self.bar:
                settled = replace(settled, passed=True)
            levels.append(settled)
        better = replace(self, levels=tuple(levels))
        if self.rule.in_turn and better.passed > self.passed:
            return replace(better, alarm=NO_ALARM, looked=0)
        return better

    def passing_by(self, ahead: Sequence[Settled]) -> Self:
        """With the levels passed that pass after some of the cases ahead.

        They are the next in the order of decisions; a label that is missing is bounded. Nothing of them is settled.
        """
        certificate = self
        while certificate.passed < len(certificate.levels):
            following = certificate.passed
            if not certificate._reaches_bar(certificate.levels[following], ahead):
                break
            certificate = certificate._with_passed(following)
        return certificate

    def revoked_by(self, ahead: Sequence[Settled]) -> Self:
        """Without autonomy, if the alarm rings after some of the cases ahead; else as it is."""
        return self._revoked() if self._alarmed_by(ahead) else self

    def _with_passed(self, number: int) -> Self:
        levels = list(self.levels)
        levels[number] = replace(levels[number], passed=True)
        return replace(self, levels=tuple(levels))

    def _reaches_bar(self, level: Level, ahead: Sequence[Settled]) -> bool:
        """Whether the evidence of a level is enough after some of these cases."""
        even = level.even
        eager = level.eager
        enough = self.bar * 2 * len(GUESSES)
        for settled in ahead:
            score = settled.decision.score
            if score is None or score < level.threshold:
                continue
            wrong = settled.counts_as_wrong
            even_factors, eager_factors = _bet_factors(self.rule, settled.decision, wrong)
            even = times(even, even_factors)
            eager = times(eager, eager_factors)
            if sum(even) + sum(eager) >= enough:
                return True
        return False

    def _alarmed_by(self, ahead: Sequence[Settled]) -> bool:
        """Whether the alarm rings after some of these cases."""
        if self.threshold is None:
            return False
        alarm = self.alarm
        looked = self.looked
        for settled in ahead:
            if settled.watched:
                looked += 1
                fresh = begun_anew(alarm, looked, in_turn=self.rule.in_turn)
                alarm = times(fresh, _alarm_factors(self.rule, settled))
                if sum(alarm) / len(GUESSES) >= self.bar:
                    return True
        return False

    def replaced(self, was: Settled, now: Settled) -> Self:
        """With another label for a case that was settled, in this epoch: its factors give way to the right ones.

        Where a case that counted as right turns out wrong, a level whose evidence is no longer enough has not passed.
        """
        worse = was.error is False and now.error is True
        levels: list[Level] = []
        for level in self.levels:
            changed = _replaced(level, self.rule, was, now)
            passed = changed.evidence >= self.bar
            if level.passed and not worse:
                passed = True
            levels.append(replace(changed, passed=passed))
        certificate = replace(self, levels=tuple(levels))
        certificate = certificate._watched_anew(was, now)
        if certificate.alarm_evidence >= self.bar:
            return certificate._revoked()
        return certificate

    def _watched_anew(self, was: Settled, now: Settled) -> Self:
        """The alarm with another label for one of the recent cases; for an older one it stays what it is."""
        place = now.place
        recent = dict(self.recent)
        if place is None or place not in recent or was.error is now.error:
            return self
        before = _alarm_factors(self.rule, was)
        after = _alarm_factors(self.rule, now)
        ratios = over(after, before)
        carried = recent[place]
        put_right = times(carried, ratios)
        grown = less(put_right, carried)
        for other, share in self.recent:
            if other < place:
                recent[other] = times(share, ratios)
            else:
                recent[other] = plus(share, grown)
        alarm = plus(self.alarm, grown)
        suspicion = self.suspected([now]) if now.error else self.suspicion
        return replace(self, alarm=alarm, recent=tuple(recent.items()), suspicion=suspicion)

    def suspected(self, ahead: Sequence[Settled]) -> float:
        """The suspicion after the cases ahead: what is missing counts as right, so that it does not last for ever."""
        suspicion = self.suspicion
        allowed = self.rule.allowed_error
        for settled in ahead:
            if settled.watched:
                error = settled.error is True
                factor = watch_factor(allowed, error, SUSPICION)
                suspicion = max(suspicion, 1.0) * factor
        return suspicion

    @property
    def alarm_evidence(self) -> float:
        return sum(self.alarm) / len(GUESSES)

    def _watched(self, settled: Settled) -> Self:
        """The detector with one more audited delivery: bets begun at each of them, weighted by 6/(π²n²)."""
        looked = self.looked + 1
        factors = _alarm_factors(self.rule, settled)
        begun = begun_anew(self.alarm, looked, in_turn=self.rule.in_turn)
        watched = replace(
            self,
            alarm=times(begun, factors),
            looked=looked,
            suspicion=self.suspected([settled]),
        )
        if settled.place is None:
            return watched
        carried = [(place, times(share, factors)) for place, share in self.recent]
        carried.append((settled.place, watched.alarm))
        return replace(watched, recent=tuple(carried[-RECENT:]))

    def _revoked(self) -> Self:
        """Autonomy is taken away, and all begins anew, with the next share of δ."""
        levels = tuple(_level(level.threshold) for level in self.levels)
        return replace(
            self,
            levels=levels,
            epoch=self.epoch + 1,
            alarm=NO_ALARM,
            looked=0,
            recent=(),
            suspicion=1.0,
        )


def _level(threshold: float) -> Level:
    wealth = (1.0,) * len(GUESSES)
    return Level(threshold=threshold, even=wealth, eager=wealth)


def known_score(score: float | None) -> float | None:
    """The score; None where it is missing or not a number."""
    if score is None or math.isnan(score):
        return None
    return score


def _bet(level: Level, rule: Rule, decision: Decision, error: bool) -> Level:
    """Settle the bets that this level had on a case whose label was seen."""
    assert decision.score is not None
    if decision.score < level.threshold:
        return level
    even, eager = _bet_factors(rule, decision, error)
    return replace(
        level,
        even=times(level.even, even),
        eager=times(level.eager, eager),
    )


def _least_propensity(rule: Rule, decision: Decision) -> float:
    """The smallest one of any score, as it stood when the case came."""
    nothing_delivered = decision.threshold is None or decision.held is not None
    return 1.0 if nothing_delivered else rule.base_rate


def _replaced(level: Level, rule: Rule, was: Settled, now: Settled) -> Level:
    """Each bet's wealth with the factor of `now` in the place of that of `was`."""
    score = now.decision.score
    if score is None or score < level.threshold:
        return level
    even_before, eager_before = _bet_factors(rule, was.decision, was.counts_as_wrong)
    even_after, eager_after = _bet_factors(rule, now.decision, now.counts_as_wrong)
    even = over(even_after, even_before)
    eager = over(eager_after, eager_before)
    return replace(
        level,
        even=times(level.even, even),
        eager=times(level.eager, eager),
    )


def _bet_factors(rule: Rule, decision: Decision, error: bool) -> tuple[Wealth, Wealth]:
    """By how much the even and the eager bets of a level grow with a case above it."""
    allowed = rule.allowed_error
    scale = _least_propensity(rule, decision) / decision.propensity
    even = bet_factors(allowed, scale, error)
    eager = bet_factors(allowed, 1.0, error)
    return even, eager


def _alarm_factors(rule: Rule, settled: Settled) -> Wealth:
    """By how much each guess of the detector grows with a case; a label that is missing counts as right."""
    error = settled.error is True
    return watch_factors(rule.allowed_error, error, in_turn=rule.in_turn)


def thresholds(rule: Rule, scores: Sequence[float], errors: Sequence[float] = ()) -> list[float]:
    """From the start to the lowest score, in equal steps of the count above. Raises ValueError for no scores."""
    known = [score for score in scores if not math.isnan(score)]
    if not known:
        raise ValueError("no scores to plan with")
    known.sort(reverse=True)
    start = max(1, len(known) // 10)
    if errors:
        start = _start(rule, scores, errors) or start
    rest = len(known) - start
    chosen: list[float] = []
    for step in range(STEPS):
        count = start + rest * step // (STEPS - 1)
        chosen.append(known[count - 1])
    return list(dict.fromkeys(chosen))


def _start(rule: Rule, scores: Sequence[float], errors: Sequence[float]) -> int | None:
    """How many of the best scores lie above the threshold whose evidence grows fastest; None: none is worth a bet."""
    allowed = rule.allowed_error
    pairs = zip(scores, errors, strict=True)
    ranked = sorted(pairs, key=lambda pair: -pair[0])
    best = None
    fastest = 0.0
    wrong = 0.0
    for count, (_, error) in enumerate(ranked, start=1):
        wrong += error
        risk = (wrong + 0.5) / (count + 1)
        if risk >= allowed:
            continue
        growth_a_case = divergence(risk, allowed)
        growth = count * growth_a_case
        if growth > fastest:
            best = count
            fastest = growth
    return best


def divergence(risk: float, allowed: float) -> float:
    """KL(risk ‖ allowed) of two Bernoulli distributions, in nats."""
    wrong = 0.0
    correct = 0.0
    if risk > 0:
        ratio = risk / allowed
        wrong = risk * math.log(ratio)
    if risk < 1:
        accuracy = 1 - risk
        ratio = accuracy / (1 - allowed)
        correct = accuracy * math.log(ratio)
    return wrong + correct


def labels_needed(rule: Rule, risk: float) -> float | None:
    """ln(1/δ)/KL(risk ‖ α): no valid test needs fewer labels on average. None: the risk is not below α."""
    allowed = rule.allowed_error
    if risk >= allowed:
        return None
    evidence = math.log(1 / (1 - rule.confidence))
    return evidence / divergence(risk, allowed)


def ceiling(base_error: float, allowed_error: float) -> float:
    """(1 − μ)/(1 − α): no rule delivers more at error α when the share μ of all answers is wrong; at most 1."""
    share = (1 - base_error) / (1 - allowed_error)
    return min(1.0, share)
