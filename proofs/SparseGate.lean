prelude
import Counting
universe u v

/-!
# Stability of a channel under a sparse gate

At every turn the gate either writes a channel or leaves it alone bit for bit. What is
proved counts *active* turns only; about a channel that is never active the one thing
to say is that it never changes (`never_active`), so two runs that differ there differ for ever.
-/

/-- One channel under a gate: written by `write t` at an active turn, otherwise kept. -/
def Gated {X : Type u} (active : Nat → Bool) (write : Nat → X → X) (S : Nat → X) : Prop :=
  ∀ t, S (t + 1) = if active t = true then write t (S t) else S t

section
variable {X : Type u} {active : Nat → Bool} {write : Nat → X → X} {S S' : Nat → X}

theorem Gated.written (gated : Gated active write S) {t : Nat} (up : active t = true) :
    S (t + 1) = write t (S t) :=
  (gated t).trans (if_pos up _ _)

theorem Gated.kept (gated : Gated active write S) {t : Nat} (down : ¬ (active t = true)) : S (t + 1) = S t :=
  (gated t).trans (if_neg down _ _)

/-- A channel that is not active before turn `t` still has its first value. -/
theorem never_active (gated : Gated active write S) (t : Nat) (idle : ∀ s, s < t → ¬ (active s = true)) :
    S t = S 0 := by
  induction t with
  | zero => rfl
  | succ t ih => exact (gated.kept (idle t .refl)).trans (ih (fun s small => idle s (.step small)))
end

variable {K : Type v} [OrderedSemiring K] {X : Type u}
  {active : Nat → Bool} {write : Nat → X → X} {S S' : Nat → X} {size : X → K} {dist : X → X → K} {ρ b B : K}

/-- Bounded for ever: writes shrink by `ρ` and add at most `b`, and the ball `B` has room for that. -/
theorem gated_bounded (nonneg : 0 ≤ ρ) (gated : Gated active write S)
    (writes : ∀ t x, size (write t x) ≤ ρ * size x + b) (room : ρ * B + b ≤ B)
    (start : size (S 0) ≤ B) (t : Nat) : size (S t) ≤ B := by
  induction t with
  | zero => exact start
  | succ t ih => cases (active t).up_or_down with
    | inl up => calc
      size (S (t + 1)) = size (write t (S t)) := congrArg size (gated.written up)
      _ ≤ ρ * size (S t) + b := writes t (S t)
      _ ≤ ρ * B + b := add_le_add_right (mul_le_mul_left nonneg ih) b
      _ ≤ B := room
    | inr down =>
      rw [gated.kept down]
      exact ih

/-- Wherever it starts, a channel comes within `ρ ^ n` times its first size of the ball in `n` active turns.
-/
theorem gated_forgets (nonneg : 0 ≤ ρ) (gated : Gated active write S)
    (writes : ∀ t x, size (write t x) ≤ ρ * size x + b) (room : ρ * B + b ≤ B) (ball : 0 ≤ B)
    (t : Nat) : size (S t) ≤ ρ ^ count active t * size (S 0) + B := by
  induction t with
  | zero => calc
    size (S 0) = size (S 0) + 0 := (add_zero _).symm
    _ ≤ size (S 0) + B := add_le_add_left ball _
    _ = 1 * size (S 0) + B := by rw [one_mul]
  | succ t ih => cases (active t).up_or_down with
    | inl up =>
      rw [count_up up]
      calc
        size (S (t + 1)) = size (write t (S t)) := congrArg size (gated.written up)
        _ ≤ ρ * size (S t) + b := writes t (S t)
        _ ≤ ρ * (ρ ^ count active t * size (S 0) + B) + b := add_le_add_right (mul_le_mul_left nonneg ih) b
        _ = ρ * ρ ^ count active t * size (S 0) + (ρ * B + b) := by rw [mul_add, add_assoc, mul_assoc]
        _ ≤ ρ * ρ ^ count active t * size (S 0) + B := add_le_add_left room _
    | inr down =>
      rw [count_down down, gated.kept down]
      exact ih

/-- Two runs from different first values under the same writes come together by `ρ` per active turn. -/
theorem gated_contraction (nonneg : 0 ≤ ρ) (gated : Gated active write S) (gated' : Gated active write S')
    (contract : ∀ t x y, dist (write t x) (write t y) ≤ ρ * dist x y) (t : Nat) :
    dist (S t) (S' t) ≤ ρ ^ count active t * dist (S 0) (S' 0) := by
  induction t with
  | zero => calc
    dist (S 0) (S' 0) ≤ dist (S 0) (S' 0) := le_refl _
    _ = ρ ^ 0 * dist (S 0) (S' 0) := (one_mul _).symm
  | succ t ih => cases (active t).up_or_down with
    | inl up =>
      rw [count_up up, gated.written up, gated'.written up]
      calc
        dist (write t (S t)) (write t (S' t)) ≤ ρ * dist (S t) (S' t) := contract t (S t) (S' t)
        _ ≤ ρ * (ρ ^ count active t * dist (S 0) (S' 0)) := mul_le_mul_left nonneg ih
        _ = ρ ^ (count active t + 1) * dist (S 0) (S' 0) := (mul_assoc ρ _ _).symm
    | inr down =>
      rw [count_down down, gated.kept down, gated'.kept down]
      exact ih

/-- The coordinator's own write, `s ↦ ρ s + U_t`, entry by entry, and without inequality: two runs under the
same writes satisfy `S t - S' t = ρ ^ n * (S 0 - S' 0)` after `n` active turns (written without minus). -/
theorem gated_difference {K : Type v} [CommSemiring K] {active : Nat → Bool} {ρ : K} {U S S' : Nat → K}
    (gated : Gated active (fun t s => ρ * s + U t) S) (gated' : Gated active (fun t s => ρ * s + U t) S')
    (t : Nat) : S t + ρ ^ count active t * S' 0 = S' t + ρ ^ count active t * S 0 := by
  induction t with
  | zero => calc
    S 0 + 1 * S' 0 = S' 0 + 1 * S 0 := by rw [one_mul, one_mul, add_comm]
  | succ t ih => cases (active t).up_or_down with
    | inl up =>
      rw [count_up up, gated.written up, gated'.written up]
      show ρ * S t + U t + ρ * ρ ^ count active t * S' 0 = ρ * S' t + U t + ρ * ρ ^ count active t * S 0
      calc
        ρ * S t + U t + ρ * ρ ^ count active t * S' 0
        _ = ρ * (S t + ρ ^ count active t * S' 0) + U t := by rw [mul_assoc, mul_add, add_assoc, add_assoc, add_comm (U t)]
        _ = ρ * (S' t + ρ ^ count active t * S 0) + U t := by rw [ih]
        _ = ρ * S' t + U t + ρ * ρ ^ count active t * S 0 := by rw [mul_assoc, mul_add, add_assoc, add_assoc, add_comm (U t)]
    | inr down =>
      rw [count_down down, gated.kept down, gated'.kept down]
      exact ih
