prelude
import Order
universe u

/-!
# Choosing, comparing and counting

`if`, the smaller of two numbers, the number of turns at which a flag is set, and the
numbers below `n`.
-/

/-! ## Choosing between two values -/

instance instDecidableEqNat (a b : Nat) : Decidable (a = b) := Nat.decEq a b

def Nat.decLe (a b : Nat) : Decidable (a ≤ b) :=
  match a, b with
  | 0, b => .isTrue (Nat.zero_le b)
  | _ + 1, 0 => .isFalse (fun h => nomatch h)
  | a + 1, b + 1 => match Nat.decLe a b with
    | .isTrue h => .isTrue (Nat.succ_le_succ h)
    | .isFalse h => .isFalse (fun k => h (Nat.le_of_succ_le_succ k))
instance instDecidableLeNat (a b : Nat) : Decidable (a ≤ b) := Nat.decLe a b

macro "if " c:term " then " t:term " else " e:term : term => `(ite $c $t $e)

theorem if_pos {c : Prop} [h : Decidable c] (yes : c) {α : Type u} (a b : α) : (if c then a else b) = a :=
  match h with
  | .isTrue _ => rfl
  | .isFalse no => absurd yes no

theorem if_neg {c : Prop} [h : Decidable c] (no : ¬ c) {α : Type u} (a b : α) : (if c then a else b) = b :=
  match h with
  | .isTrue yes => absurd yes no
  | .isFalse _ => rfl

/-- A flag is up or down. -/
theorem Bool.up_or_down (x : Bool) : x = true ∨ ¬ (x = true) :=
  match x with
  | true => Or.inl rfl
  | false => Or.inr Bool.false_ne_true

namespace Nat
theorem eq_or_ne (a b : Nat) : a = b ∨ a ≠ b :=
  match Nat.decEq a b with
  | .isTrue h => Or.inl h
  | .isFalse h => Or.inr h

theorem ne_of_lt {a b : Nat} (h : a < b) : a ≠ b := by
  intro e
  subst e
  exact lt_irrefl a h

theorem lt_of_lt_succ_of_ne {a b : Nat} (h : a < b + 1) (k : a ≠ b) : a < b := by
  cases lt_or_ge a b with
  | inl below => exact below
  | inr above => cases above with
    | refl => exact absurd rfl k
    | step above => exact absurd (le_trans h (succ_le_succ above)) (lt_irrefl _)

theorem not_lt_of_le {a b : Nat} (h : a ≤ b) : ¬ (b < a) :=
  fun k => lt_irrefl b (le_trans k h)

theorem le_of_not_lt {a b : Nat} (h : ¬ (b < a)) : a ≤ b :=
  (lt_or_ge b a).elim (fun k => absurd k h) id

theorem exists_succ {a : Nat} (h : 1 ≤ a) : ∃ b, a = b + 1 := by
  cases a with
  | zero => exact nomatch h
  | succ b => exact ⟨b, rfl⟩

/-! ## Cancelling -/

theorem succ_inj {a b : Nat} (h : a + 1 = b + 1) : a = b := by
  cases h
  rfl

theorem add_right_cancel {a b : Nat} (c : Nat) (h : a + c = b + c) : a = b := by
  induction c with
  | zero => exact h
  | succ c ih => exact ih (succ_inj h)

theorem le_add_left (a b : Nat) : a ≤ b + a := calc
  a = 0 + a := (zero_add' a).symm
  _ ≤ b + a := add_le_add_right (zero_le b) a

theorem mul_lt_mul_left {a b c : Nat} (positive : 1 ≤ c) (h : a < b) : c * a < c * b := calc
  c * a + 1 ≤ c * a + c := add_le_add_left positive (c * a)
  _ ≤ c * b := mul_le_mul_left' c h

theorem lt_of_mul_lt_mul_left {a b : Nat} (c : Nat) (h : c * a < c * b) : a < b :=
  (lt_or_ge a b).elim id (fun k => absurd h (not_lt_of_le (mul_le_mul_left' c k)))

theorem lt_of_add_self_lt {a b : Nat} (h : a + a < b + b) : a < b :=
  (lt_or_ge a b).elim id (fun k => absurd h (not_lt_of_le (add_le_add k k)))

theorem le_of_lt {a b : Nat} (h : a < b) : a ≤ b :=
  le_trans' (Nat.le.step Nat.le.refl) h

theorem add_self_lt {a b : Nat} (h : a < b) : a + a < b + b :=
  le_trans' (add_le_add_left h a) (add_le_add_right (le_of_lt h) b)

theorem sum_const (c n : Nat) : ∑ _l < n, c = n * c := by
  induction n with
  | zero => exact (zero_mul' c).symm
  | succ n ih => rw [sum, ih, succ_mul]

/-- The smaller of two numbers. -/
protected def min (a b : Nat) : Nat := if a ≤ b then a else b

theorem min_cases (a b : Nat) : (Nat.min a b = a ∧ a ≤ b) ∨ (Nat.min a b = b ∧ b ≤ a) :=
  (lt_or_ge b a).elim
    (fun h => Or.inr ⟨if_neg (fun k => not_lt_of_le k h) a b, le_trans (.step .refl) h⟩)
    (fun h => Or.inl ⟨if_pos h a b, h⟩)

theorem min_le_left (a b : Nat) : Nat.min a b ≤ a := by
  cases min_cases a b with
  | inl h => rw [h.left]; exact le_refl a
  | inr h => rw [h.left]; exact h.right

theorem min_le_right (a b : Nat) : Nat.min a b ≤ b := by
  cases min_cases a b with
  | inl h => rw [h.left]; exact h.right
  | inr h => rw [h.left]; exact le_refl b
end Nat

/-! ## Counting turns -/

/-- The number of turns among `0, …, t - 1` at which the flag is up. -/
def count (flag : Nat → Bool) (t : Nat) : Nat := ∑ s < t, if flag s = true then 1 else 0

theorem count_up {flag : Nat → Bool} {t : Nat} (up : flag t = true) : count flag (t + 1) = count flag t + 1 :=
  congrArg (count flag t + ·) (if_pos up 1 0)

theorem count_down {flag : Nat → Bool} {t : Nat} (down : ¬ (flag t = true)) : count flag (t + 1) = count flag t :=
  congrArg (count flag t + ·) (if_neg down 1 0)

/-! ## Numbers below `n` -/

/-- The numbers below `n`: the channels of a state, the levels of a quantiser, the words of a vocabulary. -/
structure Below (n : Nat) where
  val : Nat
  small : val < n

theorem Below.ext {n : Nat} {a b : Below n} (h : a.val = b.val) : a = b := by
  cases a with
  | mk a ha => cases b with
    | mk b hb =>
      have same : a = b := h
      subst same
      rfl

/-- No more numbers than places: `m` numbers that land below `n`, no two on the same place, are at most `n`.
-/
theorem pigeonhole {m n : Nat} (f : Nat → Nat) (lands : ∀ i, i < m → f i < n)
    (apart : ∀ i j, i < m → j < m → f i = f j → i = j) : m ≤ n := by
  induction n generalizing m f with
  | zero => cases m with
    | zero => exact .refl
    | succ m => exact nomatch lands m .refl
  | succ n ih => cases m with
    | zero => exact Nat.zero_le _
    | succ m =>
      -- put on the last number's place whatever stood on place `n`; the first `m` numbers now land below `n`
      apply Nat.succ_le_succ
      have here : ∀ i, f i = n → (if f i = n then f m else f i) = f m := fun i h => if_pos h (f m) (f i)
      have there : ∀ i, f i ≠ n → (if f i = n then f m else f i) = f i := fun i h => if_neg h (f m) (f i)
      have other : ∀ i, i < m → f i ≠ f m := fun i small e =>
        Nat.ne_of_lt small (apart i m (.step small) .refl e)
      apply ih (fun i => if f i = n then f m else f i)
      · intro i small
        show (if f i = n then f m else f i) < n
        cases Nat.eq_or_ne (f i) n with
        | inl e =>
          rw [here i e]
          exact Nat.lt_of_lt_succ_of_ne (lands m .refl) (fun h => other i small (e.trans h.symm))
        | inr e =>
          rw [there i e]
          exact Nat.lt_of_lt_succ_of_ne (lands i (.step small)) e
      · intro i j hi hj
        show (if f i = n then f m else f i) = (if f j = n then f m else f j) → i = j
        cases Nat.eq_or_ne (f i) n with
        | inl ei => cases Nat.eq_or_ne (f j) n with
          | inl ej => exact fun _ => apart i j (.step hi) (.step hj) (ei.trans ej.symm)
          | inr ej =>
            rw [here i ei, there j ej]
            exact fun h => absurd h.symm (other j hj)
        | inr ei => cases Nat.eq_or_ne (f j) n with
          | inl ej =>
            rw [there i ei, here j ej]
            exact fun h => absurd h (other i hi)
          | inr ej =>
            rw [there i ei, there j ej]
            exact apart i j (.step hi) (.step hj)
