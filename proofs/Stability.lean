prelude
import Order
universe u v

/-!
# Convergence and boundedness of the shared state

`dist` and `size` may be any functions into an ordered semiring such as the reals;
no law of metrics or norms is needed.
-/

variable {K : Type u} [OrderedSemiring K] {X : Type v}

/-- `F` applied `t` times. -/
def iterate (F : X → X) (t : Nat) (x : X) : X :=
  match t with
  | 0 => x
  | t + 1 => F (iterate F t x)

/-- A map that contracts distances by `ρ` contracts them by `ρ ^ t` in `t` turns. -/
theorem contraction {F : X → X} {dist : X → X → K} {ρ : K} (nonneg : 0 ≤ ρ)
    (contract : ∀ x y, dist (F x) (F y) ≤ ρ * dist x y) (x y : X) (t : Nat) :
    dist (iterate F t x) (iterate F t y) ≤ ρ ^ t * dist x y := by
  induction t with
  | zero => calc
    dist x y ≤ dist x y := le_refl (dist x y)
    _ = ρ ^ 0 * dist x y := (one_mul (dist x y)).symm
  | succ t ih => calc
    dist (F (iterate F t x)) (F (iterate F t y))
    _ ≤ ρ * dist (iterate F t x) (iterate F t y) := contract (iterate F t x) (iterate F t y)
    _ ≤ ρ * (ρ ^ t * dist x y) := mul_le_mul_left nonneg ih
    _ = ρ ^ (t + 1) * dist x y := (mul_assoc ρ (ρ ^ t) (dist x y)).symm

theorem iterate_fixed {F : X → X} {p : X} (fixed : F p = p) (t : Nat) : iterate F t p = p := by
  induction t with
  | zero => rfl
  | succ t ih => exact (congrArg F ih).trans fixed

/-- Convergence: under a contraction with a fixed point `p`, the distance to `p` falls like `ρ ^ t`. -/
theorem convergence {F : X → X} {dist : X → X → K} {ρ : K} (nonneg : 0 ≤ ρ)
    (contract : ∀ x y, dist (F x) (F y) ≤ ρ * dist x y) {p : X} (fixed : F p = p) (x : X) (t : Nat) :
    dist (iterate F t x) p ≤ ρ ^ t * dist x p := by
  have both := contraction nonneg contract x p t
  rw [iterate_fixed fixed t] at both
  exact both

/-- Input-to-state boundedness: a state that shrinks by `ρ` and receives at most `b` per
turn never leaves a ball `B` with `ρ * B + b ≤ B`. -/
theorem bounded_forever {S : Nat → X} {size : X → K} {ρ b B : K} (nonneg : 0 ≤ ρ)
    (step : ∀ t, size (S (t + 1)) ≤ ρ * size (S t) + b) (room : ρ * B + b ≤ B)
    (start : size (S 0) ≤ B) (t : Nat) : size (S t) ≤ B := by
  induction t with
  | zero => exact start
  | succ t ih => calc
    size (S (t + 1)) ≤ ρ * size (S t) + b := step t
    _ ≤ ρ * B + b := add_le_add_right (mul_le_mul_left nonneg ih) b
    _ ≤ B := room

/-- A ball of radius `B ≥ b / (1 - ρ)` has the room that boundedness asks for; `σ` stands for `1 - ρ`. -/
theorem ball_has_room {ρ σ b B : K} (complement : ρ + σ = 1) (enough : b ≤ σ * B) : ρ * B + b ≤ B := calc
  ρ * B + b ≤ ρ * B + σ * B := add_le_add_left enough (ρ * B)
  _ = (ρ + σ) * B := (add_mul ρ σ B).symm
  _ = B := by rw [complement, one_mul]
