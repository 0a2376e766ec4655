prelude
import Stability
-- Without room in the ball nothing is bounded.
-- expect: Application type mismatch
theorem bad {K X : Type} [OrderedSemiring K] {S : Nat → X} {size : X → K} {ρ b B : K} (nonneg : 0 ≤ ρ)
    (step : ∀ t, size (S (t + 1)) ≤ ρ * size (S t) + b) (start : size (S 0) ≤ B) (t : Nat) : size (S t) ≤ B :=
  bounded_forever nonneg step (le_refl B) start t
