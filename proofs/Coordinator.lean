prelude
import Algebra
universe u

/-!
# A coordinator whose transition factors is exact

If the transition `W` of a `d`-dimensional recurrence factors as `P Q` with inner dimension `r`, a coordinator
that keeps only `r` numbers reproduces the recurrence at every step.
-/

variable {K : Type u} [CommSemiring K]

/-- The full recurrence `x_{t+1} = W x_t + u_t` in dimension `d`. -/
def Recurrence (d : Nat) (W : Nat → Nat → K) (u x : Nat → Nat → K) : Prop :=
  ∀ t i, x (t + 1) i = ∑ j < d, W i j * x t j + u t i

/-- A linear coordinator that keeps `r` numbers: `z_0 = Q x_0` and `z_{t+1} = M z_t + N u_t`. -/
structure Coordinates (d r : Nat) (Q M N : Nat → Nat → K) (u : Nat → Nat → K) (x₀ : Nat → K)
    (z : Nat → Nat → K) : Prop where
  start : ∀ l, z 0 l = ∑ j < d, Q l j * x₀ j
  step : ∀ t l, z (t + 1) l = ∑ a < r, M l a * z t a + ∑ j < d, N l j * u t j

/-- With `W = P Q`, `M = Q P` and `N = Q` the coordinator's `r` numbers stay equal to `Q x_t`, and
`P z_t + u_t` is the next state. -/
theorem coordinator_exact {d r : Nat} {W P Q u x z : Nat → Nat → K}
    (factors : ∀ i j, W i j = ∑ l < r, P i l * Q l j) (full : Recurrence d W u x)
    (small : Coordinates d r Q (fun l a => ∑ j < d, Q l j * P j a) Q u (x 0) z) (t : Nat) :
    (∀ l, z t l = ∑ j < d, Q l j * x t j) ∧ (∀ i, x (t + 1) i = ∑ l < r, P i l * z t l + u t i) := by
  -- reading the state through `Q` is enough to predict the next one
  have readout : ∀ t, (∀ l, z t l = ∑ j < d, Q l j * x t j) → ∀ i, x (t + 1) i = ∑ l < r, P i l * z t l + u t i := by
    intro t state i
    rw [full t i]
    apply congrArg (· + u t i)
    calc
      ∑ j < d, W i j * x t j
      _ = ∑ j < d, (∑ l < r, P i l * Q l j) * x t j := sum_congr (fun j => congrArg (· * x t j) (factors i j)) d
      _ = ∑ l < r, P i l * (∑ j < d, Q l j * x t j) := sum_assoc (P i) Q (x t) r d
      _ = ∑ l < r, P i l * z t l := sum_congr (fun l => congrArg (P i l * ·) (state l).symm) r
  have state : ∀ l, z t l = ∑ j < d, Q l j * x t j := by
    induction t with
    | zero => exact small.start
    | succ t ih =>
      intro l
      calc
        z (t + 1) l
        _ = ∑ a < r, (∑ j < d, Q l j * P j a) * z t a + ∑ j < d, Q l j * u t j := small.step t l
        _ = ∑ j < d, Q l j * (∑ a < r, P j a * z t a) + ∑ j < d, Q l j * u t j := by rw [sum_assoc]
        _ = ∑ j < d, (Q l j * (∑ a < r, P j a * z t a) + Q l j * u t j) := by rw [sum_add]
        _ = ∑ j < d, Q l j * x (t + 1) j := sum_congr (fun j => by rw [← mul_add, ← readout t ih]) d
  exact ⟨state, readout t state⟩
