prelude
import Tokens
-- expect: Application type mismatch
theorem bad {cost full : Nat → Nat} {B m T : Nat} (budget : ∀ t, cost t ≤ B + m) (grows : ∀ t, m * (t + 1) ≤ full t)
    (started : 1 ≤ T) (late : B + m < m * (T + 1)) : ∑ t < T, cost t < ∑ t < T, full t :=
  digest_wins budget grows started late
