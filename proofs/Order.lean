prelude
import Algebra
universe u

/-!
# Ordered semirings, and the natural numbers as one
-/

class LE (α : Type u) where
  le : α → α → Prop
class LT (α : Type u) where
  lt : α → α → Prop
infix:50 " ≤ " => LE.le
infix:50 " < " => LT.lt

/-- A commutative semiring with an order that sums and non-negative factors respect. -/
class OrderedSemiring (K : Type u) extends CommSemiring K, LE K where
  le_refl (a : K) : a ≤ a
  le_trans {a b c : K} : a ≤ b → b ≤ c → a ≤ c
  add_le_add_left {a b : K} (h : a ≤ b) (c : K) : c + a ≤ c + b
  mul_le_mul_left {a b c : K} : 0 ≤ c → a ≤ b → c * a ≤ c * b

export OrderedSemiring (le_refl le_trans add_le_add_left mul_le_mul_left)

section
variable {K : Type u} [OrderedSemiring K]

instance : Trans (@LE.le K _) (@LE.le K _) (@LE.le K _) := ⟨le_trans⟩

theorem add_le_add_right {a b : K} (h : a ≤ b) (c : K) : a + c ≤ b + c := by
  rw [add_comm a, add_comm b]
  exact add_le_add_left h c

theorem add_le_add {a b c d : K} (h : a ≤ b) (k : c ≤ d) : a + c ≤ b + d :=
  le_trans (add_le_add_right h c) (add_le_add_left k b)

theorem sum_le_sum {f g : Nat → K} (h : ∀ l, f l ≤ g l) (n : Nat) : ∑ l < n, f l ≤ ∑ l < n, g l := by
  induction n with
  | zero => exact le_refl 0
  | succ n ih => exact add_le_add ih (h n)
end


/-! ## Natural numbers -/

protected inductive Nat.le (n : Nat) : Nat → Prop where
  | refl : Nat.le n n
  | step {m : Nat} : Nat.le n m → Nat.le n (m + 1)

instance instLENat : LE Nat := ⟨Nat.le⟩
instance instLTNat : LT Nat := ⟨fun a b => a + 1 ≤ b⟩

namespace Nat
theorem succ_add (a b : Nat) : (a + 1) + b = (a + b) + 1 := by
  induction b with
  | zero => rfl
  | succ b ih => exact congrArg Nat.succ ih

theorem zero_add' (a : Nat) : 0 + a = a := by
  induction a with
  | zero => rfl
  | succ a ih => exact congrArg Nat.succ ih

theorem add_comm' (a b : Nat) : a + b = b + a := by
  induction b with
  | zero => exact (zero_add' a).symm
  | succ b ih => rw [succ_add b a, ← ih]; rfl

theorem add_assoc' (a b c : Nat) : a + b + c = a + (b + c) := by
  induction c with
  | zero => rfl
  | succ c ih => exact congrArg Nat.succ ih

theorem mul_add' (a b c : Nat) : a * (b + c) = a * b + a * c := by
  induction c with
  | zero => rfl
  | succ c ih => calc
    a * (b + c) + a = a * b + a * c + a := by rw [ih]
    _ = a * b + (a * c + a) := add_assoc' (a * b) (a * c) a

theorem succ_mul (a b : Nat) : (a + 1) * b = a * b + b := by
  induction b with
  | zero => rfl
  | succ b ih => calc
    (a + 1) * b + (a + 1) = a * b + b + (a + 1) := by rw [ih]
    _ = a * b + (b + (a + 1)) := add_assoc' (a * b) b (a + 1)
    _ = a * b + (a + (b + 1)) := congrArg (fun x => a * b + (x + 1)) (add_comm' b a)
    _ = a * b + a + (b + 1) := (add_assoc' (a * b) a (b + 1)).symm

theorem zero_mul' (a : Nat) : 0 * a = 0 := by
  induction a with
  | zero => rfl
  | succ a ih => exact ih

theorem mul_comm' (a b : Nat) : a * b = b * a := by
  induction b with
  | zero => exact (zero_mul' a).symm
  | succ b ih => rw [succ_mul, ← ih]; rfl

theorem mul_assoc' (a b c : Nat) : a * b * c = a * (b * c) := by
  induction c with
  | zero => rfl
  | succ c ih => calc
    a * b * c + a * b = a * (b * c) + a * b := by rw [ih]
    _ = a * (b * c + b) := (mul_add' a (b * c) b).symm

theorem le_trans' {a b c : Nat} (h : a ≤ b) (k : b ≤ c) : a ≤ c := by
  induction k with
  | refl => exact h
  | step _ ih => exact Nat.le.step ih

theorem succ_le_succ {a b : Nat} (h : a ≤ b) : a + 1 ≤ b + 1 := by
  induction h with
  | refl => exact Nat.le.refl
  | step _ ih => exact Nat.le.step ih

theorem le_of_succ_le_succ {a b : Nat} (h : a + 1 ≤ b + 1) : a ≤ b := by
  cases h with
  | refl => exact Nat.le.refl
  | step k => exact le_trans' (Nat.le.step Nat.le.refl) k

theorem zero_le (a : Nat) : 0 ≤ a := by
  induction a with
  | zero => exact Nat.le.refl
  | succ a ih => exact Nat.le.step ih

theorem add_le_add_left' {a b : Nat} (h : a ≤ b) (c : Nat) : c + a ≤ c + b := by
  induction h with
  | refl => exact Nat.le.refl
  | step _ ih => exact Nat.le.step ih

theorem mul_le_mul_left' {a b : Nat} (c : Nat) (h : a ≤ b) : c * a ≤ c * b := by
  induction h with
  | refl => exact Nat.le.refl
  | step _ ih => exact le_trans' ih (add_le_add_left' (zero_le c) _)

theorem lt_irrefl (a : Nat) : ¬ (a < a) := by
  induction a with
  | zero => exact fun h => nomatch h
  | succ a ih => exact fun h => ih (le_of_succ_le_succ h)

theorem lt_or_ge (a b : Nat) : a < b ∨ b ≤ a := by
  induction a with
  | zero => cases b with
    | zero => exact Or.inr Nat.le.refl
    | succ b => exact Or.inl (succ_le_succ (zero_le b))
  | succ a ih => cases ih with
    | inl h => cases h with
      | refl => exact Or.inr Nat.le.refl
      | step h => exact Or.inl (succ_le_succ h)
    | inr h => exact Or.inr (Nat.le.step h)
end Nat

instance : OrderedSemiring Nat where
  add_assoc := Nat.add_assoc'
  add_comm := Nat.add_comm'
  add_zero _ := rfl
  mul_assoc := Nat.mul_assoc'
  mul_comm := Nat.mul_comm'
  mul_one := Nat.zero_add'
  mul_zero _ := rfl
  mul_add := Nat.mul_add'
  zero := 0
  one := 1
  le_refl _ := .refl
  le_trans := Nat.le_trans'
  add_le_add_left := Nat.add_le_add_left'
  mul_le_mul_left _ h := Nat.mul_le_mul_left' _ h
