prelude
import Counting
universe u

/-!
# Matrices: the identity, and writing entries down row by row
-/

section
variable {K : Type u} [CommSemiring K]

theorem sum_congr_below {f g : Nat → K} {n : Nat} (h : ∀ l, l < n → f l = g l) :
    ∑ l < n, f l = ∑ l < n, g l := by
  induction n with
  | zero => rfl
  | succ n ih => rw [sum, sum, h n Nat.le.refl, ih (fun l small => h l (Nat.le.step small))]

/-- The identity matrix. -/
def identity (i j : Nat) : K := if i = j then 1 else 0

theorem identity_symm (i j : Nat) : (identity i j : K) = identity j i := by
  cases Nat.eq_or_ne i j with
  | inl e => rw [e]
  | inr e => rw [identity, identity, if_neg e, if_neg (fun h => e h.symm)]

theorem sum_identity (c : Nat → K) {n j : Nat} (small : j < n) : ∑ i < n, c i * identity i j = c j := by
  induction n with
  | zero => exact nomatch small
  | succ n ih => cases Nat.eq_or_ne n j with
    | inl e =>
      subst e
      have before : ∑ i < n, c i * identity i n = 0 := by
        rw [sum_congr_below (g := fun _ => 0) (fun i below => by
          rw [identity, if_neg (Nat.ne_of_lt below), mul_zero]), sum_zero]
      rw [sum, before, zero_add, identity, if_pos rfl, mul_one]
    | inr e =>
      rw [sum, ih (Nat.lt_of_lt_succ_of_ne small (fun h => e h.symm)), identity, if_neg e, mul_zero, add_zero]
end

namespace List
variable {α : Type u}

def length (xs : List α) : Nat :=
  match xs with
  | .nil => 0
  | .cons _ xs => xs.length + 1

def append (xs ys : List α) : List α :=
  match xs with
  | .nil => ys
  | .cons x xs => .cons x (xs.append ys)
end List
infixr:67 " :: " => List.cons
infixr:65 " ++ " => List.append

namespace List
variable {α : Type u}

theorem cons_inj {x y : α} {xs ys : List α} (h : x :: xs = y :: ys) : x = y ∧ xs = ys := by
  cases h
  exact ⟨rfl, rfl⟩

theorem length_append (xs ys : List α) : (xs ++ ys).length = ys.length + xs.length := by
  induction xs with
  | nil => rfl
  | cons x xs ih => exact congrArg Nat.succ ih

theorem append_inj {xs xs' ys ys' : List α} (same : xs.length = xs'.length)
    (h : xs ++ ys = xs' ++ ys') : xs = xs' ∧ ys = ys' := by
  induction xs generalizing xs' with
  | nil => cases xs' with
    | nil => exact ⟨rfl, h⟩
    | cons x' xs' => contradiction
  | cons x xs ih => cases xs' with
    | nil => contradiction
    | cons x' xs' =>
      have ⟨head, tail⟩ := List.cons_inj h
      have ⟨front, back⟩ := ih (Nat.succ_inj same) tail
      exact ⟨by rw [head, front], back⟩
end List

variable {α : Type u}

/-- The list `f 0, …, f (n - 1)`. -/
def tabulate (n : Nat) (f : Nat → α) : List α :=
  match n with
  | 0 => .nil
  | n + 1 => f 0 :: tabulate n (fun i => f (i + 1))

/-- The entries of the first `r` rows and `d` columns, row by row. -/
def flatten (r d : Nat) (S : Nat → Nat → α) : List α :=
  match r with
  | 0 => .nil
  | r + 1 => tabulate d (S 0) ++ flatten r d (fun i => S (i + 1))

theorem length_tabulate (n : Nat) (f : Nat → α) : (tabulate n f).length = n := by
  induction n generalizing f with
  | zero => rfl
  | succ n ih => exact congrArg Nat.succ (ih _)

/-- An `r × d` matrix has exactly `r * d` entries. -/
theorem length_flatten (r d : Nat) (S : Nat → Nat → α) : (flatten r d S).length = r * d := by
  induction r generalizing S with
  | zero => exact (Nat.zero_mul' d).symm
  | succ r ih => rw [Nat.succ_mul, flatten, List.length_append, ih, length_tabulate]

theorem tabulate_inj {n : Nat} {f g : Nat → α} (h : tabulate n f = tabulate n g) :
    ∀ i, i < n → f i = g i := by
  induction n generalizing f g with
  | zero => exact fun _ small => nomatch small
  | succ n ih =>
    have ⟨head, tail⟩ := List.cons_inj h
    intro i small
    cases i with
    | zero => exact head
    | succ i => exact ih tail i (Nat.le_of_succ_le_succ small)

theorem flatten_inj {r d : Nat} {S S' : Nat → Nat → α} (h : flatten r d S = flatten r d S') :
    ∀ i j, i < r → j < d → S i j = S' i j := by
  induction r generalizing S S' with
  | zero => exact fun _ _ small => nomatch small
  | succ r ih =>
    have same : (tabulate d (S 0)).length = (tabulate d (S' 0)).length := by
      rw [length_tabulate, length_tabulate]
    have ⟨first, rest⟩ := List.append_inj same h
    intro i j small
    cases i with
    | zero => exact tabulate_inj first j
    | succ i => exact ih rest i j (Nat.le_of_succ_le_succ small)
