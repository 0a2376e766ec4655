prelude
import Base.Tactics
universe u v w

/-!
# Commutative semirings and finite sums

The carrier `K` is any type with the laws below, so every statement proved here
holds for the real, rational, whole and natural numbers alike.
-/

class Add (α : Type u) where
  add : α → α → α
class Mul (α : Type u) where
  mul : α → α → α
class Zero (α : Type u) where
  zero : α
class One (α : Type u) where
  one : α
class HAdd (α : Type u) (β : Type v) (γ : outParam (Type w)) where
  hAdd : α → β → γ
class HMul (α : Type u) (β : Type v) (γ : outParam (Type w)) where
  hMul : α → β → γ
@[default_instance] instance instHAdd {α : Type u} [Add α] : HAdd α α α := ⟨Add.add⟩
@[default_instance] instance instHMul {α : Type u} [Mul α] : HMul α α α := ⟨Mul.mul⟩
infixl:65 " + " => HAdd.hAdd
infixl:70 " * " => HMul.hMul
macro_rules | `($a + $b) => `(binop% HAdd.hAdd $a $b)
macro_rules | `($a * $b) => `(binop% HMul.hMul $a $b)
attribute [match_pattern] Add.add HAdd.hAdd

instance {α : Type u} [Zero α] : OfNat α 0 := ⟨Zero.zero⟩
instance {α : Type u} [One α] : OfNat α 1 := ⟨One.one⟩
instance instAddNat : Add Nat := ⟨Nat.add⟩
instance instMulNat : Mul Nat := ⟨Nat.mul⟩

/-- Induction with goals stated for `0` and `n + 1`. -/
@[induction_eliminator] theorem Nat.induct {motive : Nat → Prop}
    (zero : motive 0) (succ : ∀ n, motive n → motive (n + 1)) (n : Nat) : motive n :=
  Nat.rec zero succ n

/-- A commutative semiring, given by its operations and laws. -/
class CommSemiring (K : Type u) extends Add K, Mul K, Zero K, One K where
  add_assoc (a b c : K) : a + b + c = a + (b + c)
  add_comm (a b : K) : a + b = b + a
  add_zero (a : K) : a + 0 = a
  mul_assoc (a b c : K) : a * b * c = a * (b * c)
  mul_comm (a b : K) : a * b = b * a
  mul_one (a : K) : a * 1 = a
  mul_zero (a : K) : a * 0 = 0
  mul_add (a b c : K) : a * (b + c) = a * b + a * c

export CommSemiring (add_assoc add_comm add_zero mul_assoc mul_comm mul_one mul_zero mul_add)

section
variable {K : Type u} [CommSemiring K]

theorem zero_add (a : K) : 0 + a = a := by
  rw [add_comm, add_zero]

theorem add_left_comm (a b c : K) : a + (b + c) = b + (a + c) := by
  rw [← add_assoc, add_comm a b, add_assoc]

theorem add_add_add_comm (a b c d : K) : (a + b) + (c + d) = (a + c) + (b + d) := by
  simp only [add_assoc, add_left_comm]

theorem zero_mul (a : K) : 0 * a = 0 := by
  rw [mul_comm, mul_zero]

theorem one_mul (a : K) : 1 * a = a := by
  rw [mul_comm, mul_one]

theorem add_mul (a b c : K) : (a + b) * c = a * c + b * c := by
  rw [mul_comm, mul_add, mul_comm c a, mul_comm c b]

theorem mul_left_comm (a b c : K) : a * (b * c) = b * (a * c) := by
  rw [← mul_assoc, mul_comm a b, mul_assoc]

/-- `∑ l < n, f l`: the sum of `f 0, …, f (n - 1)`. -/
def sum (n : Nat) (f : Nat → K) : K :=
  match n with
  | 0 => 0
  | n + 1 => sum n f + f n

macro "∑ " l:ident " < " n:term:51 ", " body:term:67 : term => `(sum $n fun $l => $body)

theorem sum_congr {f g : Nat → K} (h : ∀ l, f l = g l) (n : Nat) : ∑ l < n, f l = ∑ l < n, g l := by
  induction n with
  | zero => rfl
  | succ n ih => rw [sum, sum, ih, h]

theorem sum_zero (n : Nat) : sum n (fun _ => (0 : K)) = 0 := by
  induction n with
  | zero => rfl
  | succ n ih => rw [sum, ih, add_zero]

theorem sum_add (f g : Nat → K) (n : Nat) : ∑ l < n, (f l + g l) = ∑ l < n, f l + ∑ l < n, g l := by
  induction n with
  | zero => exact (add_zero (0 : K)).symm
  | succ n ih => rw [sum, sum, sum, ih, add_add_add_comm]

theorem mul_sum (c : K) (f : Nat → K) (n : Nat) : c * (∑ l < n, f l) = ∑ l < n, c * f l := by
  induction n with
  | zero => exact mul_zero c
  | succ n ih => rw [sum, sum, mul_add, ih]

theorem sum_mul (c : K) (f : Nat → K) (n : Nat) : (∑ l < n, f l) * c = ∑ l < n, f l * c := by
  rw [mul_comm, mul_sum]
  exact sum_congr (fun l => mul_comm c (f l)) n

theorem sum_comm (f : Nat → Nat → K) (m n : Nat) :
    ∑ a < m, (∑ b < n, f a b) = ∑ b < n, (∑ a < m, f a b) := by
  induction m with
  | zero => exact (sum_zero n).symm
  | succ m ih => rw [sum, ih, ← sum_add]; rfl

/-- Associativity of the product of a row, a matrix and a column. -/
theorem sum_assoc (f : Nat → K) (P : Nat → Nat → K) (z : Nat → K) (m n : Nat) :
    ∑ a < n, (∑ j < m, f j * P j a) * z a = ∑ j < m, f j * (∑ a < n, P j a * z a) := calc
  ∑ a < n, (∑ j < m, f j * P j a) * z a
  _ = ∑ a < n, (∑ j < m, f j * P j a * z a) := sum_congr (fun a => sum_mul (z a) (fun j => f j * P j a) m) n
  _ = ∑ j < m, (∑ a < n, f j * P j a * z a) := sum_comm (fun a j => f j * P j a * z a) n m
  _ = ∑ j < m, f j * (∑ a < n, P j a * z a) := sum_congr (fun j => by
    rw [mul_sum]
    exact sum_congr (fun a => mul_assoc (f j) (P j a) (z a)) n) m

/-- Splitting off the first summand instead of the last. -/
theorem sum_shift (f : Nat → K) (n : Nat) : ∑ l < n + 1, f l = f 0 + ∑ l < n, f (l + 1) := by
  induction n with
  | zero => exact add_comm 0 (f 0)
  | succ n ih => rw [sum, ih, add_assoc, sum]

/-- `a ^ n`, the product of `n` copies of `a`. -/
def pow (a : K) (n : Nat) : K :=
  match n with
  | 0 => 1
  | n + 1 => a * pow a n
infixr:75 " ^ " => pow

theorem pow_add (a : K) (m n : Nat) : a ^ (n + m) = a ^ m * a ^ n := by
  induction m with
  | zero => exact (one_mul (a ^ n)).symm
  | succ m ih => calc
    a * a ^ (n + m) = a * (a ^ m * a ^ n) := by rw [ih]
    _ = a * a ^ m * a ^ n := (mul_assoc a (a ^ m) (a ^ n)).symm

theorem pow_mul (a : K) (m n : Nat) : (a ^ n) ^ m = a ^ (n * m) := by
  induction m with
  | zero => rfl
  | succ m ih => calc
    a ^ n * (a ^ n) ^ m = a ^ n * a ^ (n * m) := by rw [ih]
    _ = a ^ (n * m + n) := (pow_add a n (n * m)).symm
end
