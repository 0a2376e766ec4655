prelude
import SparseGate
-- Turns at which the gate leaves the channel alone bring two runs no closer.
-- expect: Type mismatch
theorem bad {K X : Type} [OrderedSemiring K] {active : Nat → Bool} {write : Nat → X → X} {S S' : Nat → X}
    {dist : X → X → K} {ρ : K} (nonneg : 0 ≤ ρ) (gated : Gated active write S) (gated' : Gated active write S')
    (contract : ∀ t x y, dist (write t x) (write t y) ≤ ρ * dist x y) (t : Nat) :
    dist (S t) (S' t) ≤ ρ ^ t * dist (S 0) (S' 0) :=
  gated_contraction nonneg gated gated' contract t
