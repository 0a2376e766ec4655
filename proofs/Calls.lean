prelude
import Counting

/-!
# Calls saved by the gate

A turn calls all `others + 1` agents, or, once the gate is sure of its preference, the preferred one alone.
-/

/-- Calls of turn `t`: one where the gate is up, otherwise one for every agent. -/
def calls (others : Nat) (gate : Nat → Bool) (t : Nat) : Nat := if gate t = true then 1 else others + 1

/-- Every gated turn saves exactly the calls to the other agents. -/
theorem calls_saved (others : Nat) (gate : Nat → Bool) (T : Nat) :
    ∑ t < T, calls others gate t + others * count gate T = T * (others + 1) := by
  induction T with
  | zero => exact (Nat.zero_mul' (others + 1)).symm
  | succ T ih =>
    rw [Nat.succ_mul, ← ih, sum]
    cases (gate T).up_or_down with
    | inl up =>
      rw [calls, if_pos up, count_up up]
      show ∑ t < T, calls others gate t + 1 + (others * count gate T + others) = _
      rw [add_add_add_comm, add_comm 1 others]
    | inr down =>
      rw [calls, if_neg down, count_down down]
      rw [add_assoc, add_comm (others + 1), ← add_assoc]

/-- A gate that opens after turn `s` and stays open: of `s + k` turns, the last `k` are gated. -/
theorem count_after {gate : Nat → Bool} {s : Nat} (before : ∀ t, t < s → ¬ (gate t = true))
    (after : ∀ t, s ≤ t → gate t = true) (k : Nat) : count gate (s + k) = k := by
  induction k with
  | zero =>
    have idle : ∀ n, n ≤ s → count gate n = 0 := by
      intro n
      induction n with
      | zero => exact fun _ => rfl
      | succ n ih => exact fun small => (count_down (before n small)).trans (ih (le_trans (.step .refl) small))
    exact idle s .refl
  | succ k ih => calc
    count gate (s + k + 1) = count gate (s + k) + 1 := count_up (after (s + k) (add_le_add_left (Nat.zero_le k) s))
    _ = k + 1 := congrArg Nat.succ ih

/-- The gate opens after turn `s`: `s + k` turns make `s * M + k` calls of `M` agents, in place of `(s + k)
* M`. -/
theorem calls_after {others s : Nat} {gate : Nat → Bool} (before : ∀ t, t < s → ¬ (gate t = true))
    (after : ∀ t, s ≤ t → gate t = true) (k : Nat) :
    ∑ t < s + k, calls others gate t = s * (others + 1) + k := by
  apply Nat.add_right_cancel (others * k)
  have total := calls_saved others gate (s + k)
  rw [count_after before after k] at total
  rw [total, add_mul, add_assoc, mul_add k, mul_one, mul_comm k others, add_comm k]

/-- A digest alone saves no call: where the gate never opens, every agent is called at every turn. -/
theorem calls_ungated {others : Nat} {gate : Nat → Bool} (never : ∀ t, ¬ (gate t = true)) (T : Nat) :
    ∑ t < T, calls others gate t = T * (others + 1) := by
  induction T with
  | zero => exact (Nat.zero_mul' (others + 1)).symm
  | succ T ih => rw [sum, ih, Nat.succ_mul, calls, if_neg (never T)]
