prelude
import Base.Quote
universe u v w

/-! # Notation and tactic blocks

The elaborators of these tactics are part of Lean; only their syntax and the
handful of lemmas they call are declared here. -/

infix:50 " = " => Eq
infix:50 " ≠ " => Ne
infixr:35 " ∧ " => And
infixr:30 " ∨ " => Or
infix:20 " ↔ " => Iff
notation:1024 "¬" p:40 => Not p

theorem congrArg {α : Sort u} {β : Sort v} {a b : α} (f : α → β) (h : a = b) : f a = f b :=
  h ▸ rfl
theorem congrFun {α : Sort u} {β : α → Sort v} {f g : (x : α) → β x} (h : f = g) (a : α) : f a = g a :=
  h ▸ rfl
theorem congrFun' {α : Sort u} {β : Sort v} {f g : α → β} (h : f = g) (a : α) : f a = g a :=
  h ▸ rfl
theorem congr {α : Sort u} {β : Sort v} {f g : α → β} {a b : α} (h : f = g) (k : a = b) : f a = g b :=
  h ▸ k ▸ rfl

theorem Or.elim {p q r : Prop} (h : p ∨ q) (left : p → r) (right : q → r) : r :=
  match h with
  | .inl a => left a
  | .inr b => right b

axiom propext {p q : Prop} : (p ↔ q) → p = q

axiom Quot.sound {α : Sort u} {r : α → α → Prop} {a b : α} : r a b → Quot.mk r a = Quot.mk r b

def Agree {α : Sort u} {β : α → Sort v} (f g : (x : α) → β x) : Prop := ∀ x, f x = g x
noncomputable def evaluate {α : Sort u} {β : α → Sort v} (q : Quot (@Agree α β)) (x : α) : β x :=
  Quot.lift (fun f => f x) (fun _ _ h => h x) q

/-- Functions that agree everywhere are equal: both are values of `evaluate` at one point. -/
theorem funext {α : Sort u} {β : α → Sort v} {f g : (x : α) → β x} (h : ∀ x, f x = g x) : f = g :=
  congrArg evaluate (Quot.sound (r := Agree) h)

/-! Lemmas `simp` builds its proofs from. -/
theorem implies_congr {p₁ p₂ : Sort u} {q₁ q₂ : Sort v} (h : p₁ = p₂) (k : q₁ = q₂) : (p₁ → q₁) = (p₂ → q₂) :=
  h ▸ k ▸ rfl
theorem iff_self (p : Prop) : (p ↔ p) = True := propext ⟨fun _ => True.intro, fun _ => ⟨id, id⟩⟩
theorem eq_self {α : Sort u} (a : α) : (a = a) = True := propext ⟨fun _ => True.intro, fun _ => rfl⟩
theorem eq_true {p : Prop} (h : p) : p = True := propext ⟨fun _ => True.intro, fun _ => h⟩
theorem of_eq_true {p : Prop} (h : p = True) : p := h ▸ True.intro

abbrev Eq.mp {p q : Sort u} (h : p = q) (a : p) : q := h ▸ a
abbrev Eq.mpr {p q : Sort u} (h : p = q) (b : q) : p := h ▸ b

class Trans.{u₁, u₂, u₃, v₁, v₂, v₃} {α : Sort v₁} {β : Sort v₂} {γ : Sort v₃}
    (r : α → β → Sort u₁) (s : β → γ → Sort u₂) (t : outParam (α → γ → Sort u₃)) where
  trans {a : α} {b : β} {c : γ} : r a b → s b c → t a c
instance {α : Sort u} : Trans (@Eq α) (@Eq α) (@Eq α) := ⟨Eq.trans⟩
instance {α : Sort u} {γ : Sort v} {r : α → γ → Sort w} : Trans (@Eq α) r r := ⟨fun h k => h ▸ k⟩
instance {α : Sort u} {γ : Sort v} {r : α → γ → Sort w} : Trans r (@Eq γ) r := ⟨fun h k => k ▸ h⟩

namespace Lean
@[extern "-"] axiom expandExplicitBinders : Name → Syntax → Syntax → MacroM Syntax
syntax binderIdent := orelse(ident, hole)
syntax bracketedExplicitBinders := "(" withoutPosition(many1(binderIdent) " : " term) ")"
syntax unbracketedExplicitBinders := many1(binderIdent) optional(" : " term)
syntax explicitBinders := orelse(many1(bracketedExplicitBinders), unbracketedExplicitBinders)
syntax (name := existsTerm) "∃ " explicitBinders ", " term : term
@[macro existsTerm] def expandExists : Macro := fun s =>
  expandExplicitBinders `Exists (s.getArg 1) (s.getArg 3)

syntax calcFirstStep := ppIndent(colGe term optional(" := " term))
syntax calcStep := ppIndent(colGe term " := " term)
syntax calcSteps := ppLine withPosition(calcFirstStep) withPosition(many(calcStep ppLine))
syntax (name := calc) "calc" calcSteps : term
syntax (name := calcTactic) "calc" calcSteps : tactic
syntax cdotTk := orelse("· ", ". ")
syntax (name := cdot) cdotTk sepByIndentSemicolon(tactic) : tactic

structure Parser.Category
namespace Parser.Tactic
declare_syntax_cat rcasesPat
syntax rcasesPatMed := sepBy1(rcasesPat, " | ")
syntax rcasesPatLo := rcasesPatMed optional(" : " term)
syntax (name := rcasesPat.one) ident : rcasesPat
syntax (name := rcasesPat.ignore) "_" : rcasesPat
syntax (name := rcasesPat.tuple) "⟨" sepBy(rcasesPatLo, ", ") "⟩" : rcasesPat
syntax (name := rcasesPat.paren) "(" rcasesPatLo ")" : rcasesPat
syntax (name := obtain) "obtain" optional(ppSpace rcasesPatMed) optional(" : " term) optional(" := " sepBy1(term, ", ")) : tactic
syntax (name := exact) "exact " term : tactic
syntax (name := intro) "intro" many(ppSpace colGt term:1024) : tactic
syntax (name := apply) "apply " term : tactic
syntax (name := refine) "refine " term : tactic
syntax (name := «show») "show " term : tactic
syntax (name := constructor) "constructor" : tactic
syntax (name := left) "left" : tactic
syntax (name := right) "right" : tactic
syntax (name := assumption) "assumption" : tactic
syntax (name := contradiction) "contradiction" : tactic
syntax (name := subst) "subst" many1(ppSpace colGt term:1024) : tactic
syntax (name := eqRefl) "eq_refl" : tactic
syntax (name := withReducible) "with_reducible " tacticSeq : tactic
syntax (name := skip) "skip" : tactic
syntax (name := first) "first " withPosition(many1(ppDedent(ppLine) colGe "| " tacticSeq)) : tactic
syntax (name := paren) "(" withoutPosition(tacticSeq) ")" : tactic
syntax optConfig := many(colGt "+" noWs ident)
syntax locationWildcard := " *"
syntax locationHyp := many1(ppSpace colGt term:1024)
syntax location := withPosition(ppGroup(" at" orelse(locationWildcard, locationHyp)))
syntax rwRule := optional(patternIgnore(orelse("← ", "<- "))) term
syntax rwRuleSeq := " [" withoutPosition(sepBy(rwRule, ",", ", ", allowTrailingSep)) "]"
syntax (name := rewriteSeq) "rewrite" optConfig rwRuleSeq optional(location) : tactic

syntax elimTarget := optional(atomic(binderIdent " : ")) term
syntax inductionAltLHS := withPosition(ppDedent(ppLine) colGe "| " orelse(group(optional("@") ident), hole)
  many(colGt orelse(ident, hole)))
syntax inductionAlt := ppDedent(ppLine) many1(inductionAltLHS) optional(" => " orelse(hole, orelse(syntheticHole, tacticSeq)))
syntax inductionAlts := " with" optional(ppSpace colGt tactic) withPosition(many(colGe inductionAlt))
syntax (name := induction) "induction " sepBy1(elimTarget, ", ") optional(" using " term)
  optional(" generalizing" many1(ppSpace colGt term:1024)) optional(inductionAlts) : tactic
syntax (name := cases) "cases " sepBy1(elimTarget, ", ") optional(" using " term) optional(inductionAlts) : tactic
macro "try " t:tacticSeq : tactic => `(tactic| first | $t | skip)
syntax simpPre := "↓"
syntax simpPost := "↑"
syntax simpLemma := optional(orelse(simpPre, simpPost)) optional(patternIgnore(orelse("← ", "<- "))) term
syntax simpStar := "*"
syntax simpErase := "-" term:1024
syntax discharger := atomic(" (" patternIgnore(orelse(&"discharger", &"disch"))) " := " withoutPosition(tacticSeq) ")"
syntax (name := simp) "simp" optConfig optional(discharger) optional(&" only")
  optional(" [" withoutPosition(sepBy(orelse(simpStar, orelse(simpErase, simpLemma)), ",", ", ", allowTrailingSep)) "]") optional(location) : tactic
end Parser.Tactic
end Lean

open Lean.Parser.Tactic
macro "rfl" : tactic => `(tactic| eq_refl)
macro "rw" s:rwRuleSeq : tactic => `(tactic| (rewrite $s:rwRuleSeq; try with_reducible rfl))
macro "rw" s:rwRuleSeq l:location : tactic => `(tactic| rewrite $s:rwRuleSeq $l:location)
macro "have " d:letDecl : tactic => `(tactic| refine have $d:letDecl; ?_)
macro "exists " t:term : tactic => `(tactic| (refine ⟨$t, ?_⟩; try rfl))

namespace Lean
/-- `#guard_msgs in c` fails unless `c` says exactly what the comment before it says. -/
syntax (name := guardMsgsCmd) optional(plainDocComment) "#guard_msgs" " in" ppLine command : command
end Lean

/-- How a bare numeral is printed where every implicit argument is shown. -/
syntax (name := rawNatLit) "nat_lit " num : term
