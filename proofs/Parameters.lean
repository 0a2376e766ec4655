prelude
import Matrix
universe u

/-!
# How many numbers a factorised update has

Sizes are lengths of the written-out matrices, so that nothing here is a convention: `A` has `d` rows and
`r_u` columns, `B` has `r` rows and `r_u` columns, the dense update `U` has `d` rows and `r` columns.
-/

variable {α : Type u}

/-- `A` and `B` together have `r_u * (d + r)` numbers. -/
theorem factorised_size (d r r_u : Nat) (A B : Nat → Nat → α) :
    (flatten d r_u A).length + (flatten r r_u B).length = r_u * (d + r) := by
  rw [length_flatten, length_flatten, mul_comm d r_u, mul_comm r r_u, mul_add]

/-- The dense update has `d * r` numbers. -/
theorem dense_size (d r : Nat) (U : Nat → Nat → α) : (flatten d r U).length = d * r :=
  length_flatten d r U

/-- Fewer, when `r_u` is at most half of `r` and less than half of `d`. -/
theorem factorised_fewer {d r r_u : Nat} (channels : 1 ≤ r) (half : r_u + r_u ≤ r) (width : r_u + r_u < d) :
    r_u * (d + r) < d * r := by
  apply Nat.lt_of_add_self_lt
  calc
    r_u * (d + r) + r_u * (d + r) + 1
    _ = (r_u + r_u) * (d + r) + 1 := by rw [add_mul]
    _ = d * (r_u + r_u) + r * (r_u + r_u) + 1 := by rw [mul_add, mul_comm d, mul_comm r]
    _ = d * (r_u + r_u) + (r * (r_u + r_u) + 1) := rfl
    _ ≤ d * r + r * d := add_le_add (Nat.mul_le_mul_left' d half) (Nat.mul_lt_mul_left channels width)
    _ = d * r + d * r := by rw [mul_comm r d]

/-- Not fewer, when the inner dimension is the number of channels: at `r_u = r` the factorised update is the
larger one. -/
theorem factorised_more {d r : Nat} (channels : 1 ≤ r) : d * r < r * (d + r) := by
  rw [mul_add, mul_comm d r]
  exact add_le_add_left (le_trans channels (calc
    r = r * 1 := (mul_one r).symm
    _ ≤ r * r := Nat.mul_le_mul_left' r channels)) (r * d)

/-- A factorised transition `P Q` of a `d`-dimensional recurrence has `(r + r) * d` numbers in place of `d *
d`. -/
theorem transition_size (d r : Nat) (P Q : Nat → Nat → α) :
    (flatten d r P).length + (flatten r d Q).length = (r + r) * d := by
  rw [length_flatten, length_flatten, add_mul, mul_comm d r]

/-- That is fewer when `r` is less than half of `d`. -/
theorem transition_fewer {d r : Nat} (half : r + r < d) : (r + r) * d < d * d := by
  rw [mul_comm (r + r) d]
  exact Nat.mul_lt_mul_left (le_trans (Nat.succ_le_succ (Nat.zero_le _)) half) half
