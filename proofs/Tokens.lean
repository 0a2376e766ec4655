prelude
import Counting

/-!
# Token accounting

With full context, turn `t` resends everything said so far; with a digest, every turn sends at most
the budget `B` and the new message. Calls and turns are numbered from 0, totals run over the first `T`.
-/

/-! ## The budget -/

/-- A digest of at most `B` tokens before each message: `T` calls cost at most `T * B` and the messages. -/
theorem digest_le {cost message : Nat → Nat} {B : Nat} (budget : ∀ t, cost t ≤ B + message t) (T : Nat) :
    ∑ t < T, cost t ≤ T * B + ∑ t < T, message t := by
  induction T with
  | zero => exact Nat.zero_le _
  | succ T ih =>
    rw [Nat.succ_mul, sum, sum, add_add_add_comm]
    exact add_le_add ih (budget T)

/-! ## Never worse than the full history -/

/-- What is sent: the full history when it is no longer than the digest, otherwise the digest. -/
def payload (full digest : Nat) : Nat := if full ≤ digest then full else digest

theorem payload_le_full (full digest : Nat) : payload full digest ≤ full := Nat.min_le_left full digest

theorem payload_le_digest (full digest : Nat) : payload full digest ≤ digest := Nat.min_le_right full digest

/-- Never worse, call by call and in total. -/
theorem never_worse (full digest : Nat → Nat) (T : Nat) :
    (∀ t, payload (full t) (digest t) ≤ full t) ∧ ∑ t < T, payload (full t) (digest t) ≤ ∑ t < T, full t :=
  have each : ∀ t, payload (full t) (digest t) ≤ full t := fun t => payload_le_full (full t) (digest t)
  ⟨each, sum_le_sum each T⟩

/-! ## Linear against quadratic -/

/-- `1 + 2 + ⋯ + T`. -/
def triangle (T : Nat) : Nat := ∑ t < T, (t + 1)

/-- Tokens sent over `T` turns when turn number `t + 1` carries all `t + 1` messages of `m` tokens. -/
def fullContext (m T : Nat) : Nat := ∑ t < T, m * (t + 1)

theorem fullContext_eq (m T : Nat) : fullContext m T = m * triangle T :=
  (mul_sum m (fun t => t + 1) T).symm

/-- Gauss: twice the triangle is `T * (T + 1)`. -/
theorem triangle_add_self (T : Nat) : triangle T + triangle T = T * (T + 1) := by
  induction T with
  | zero => rfl
  | succ T ih => calc
    triangle T + (T + 1) + (triangle T + (T + 1))
    _ = triangle T + triangle T + ((T + 1) + (T + 1)) := add_add_add_comm (triangle T) (T + 1) (triangle T) (T + 1)
    _ = T * (T + 1) + ((T + 1) + (T + 1)) := by rw [ih]
    _ = T * (T + 1) + (T + 1) + (T + 1) := (add_assoc (T * (T + 1)) (T + 1) (T + 1)).symm
    _ = (T + 1) * (T + 1) + (T + 1) := by rw [Nat.succ_mul T (T + 1)]

/-- Full context is quadratic: twice its total is `m * T * (T + 1)`. -/
theorem fullContext_add_self (m T : Nat) : fullContext m T + fullContext m T = T * (m * (T + 1)) := by
  rw [fullContext_eq, ← mul_add, triangle_add_self, mul_left_comm]

/-- The crossing turn, exactly: `T ≥ 1` turns of `B + m` tokens cost less than full context if and only if
`2 * (B + m) < m * (T + 1)`. -/
theorem crossing {B m T : Nat} (started : 1 ≤ T) :
    T * (B + m) < fullContext m T ↔ (B + m) + (B + m) < m * (T + 1) := by
  constructor
  · intro less
    apply Nat.lt_of_mul_lt_mul_left T
    rw [mul_add, ← fullContext_add_self]
    exact Nat.add_self_lt less
  · intro late
    apply Nat.lt_of_add_self_lt
    rw [← mul_add, fullContext_add_self]
    exact Nat.mul_lt_mul_left started late

/-- From the crossing turn on a digest within its budget has sent strictly fewer tokens than any history that
grows by at least `m` tokens a turn. -/
theorem digest_wins {cost full : Nat → Nat} {B m T : Nat} (budget : ∀ t, cost t ≤ B + m)
    (grows : ∀ t, m * (t + 1) ≤ full t) (started : 1 ≤ T) (late : (B + m) + (B + m) < m * (T + 1)) :
    ∑ t < T, cost t < ∑ t < T, full t := calc
  ∑ t < T, cost t + 1 ≤ T * B + ∑ t < T, m + 1 := Nat.succ_le_succ (digest_le budget T)
  _ = T * (B + m) + 1 := by rw [Nat.sum_const, ← mul_add]
  _ ≤ fullContext m T := (crossing started).mpr late
  _ ≤ ∑ t < T, full t := sum_le_sum grows T
